package config

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
)

// columnTreatments are the terms of a policy by the names of columns.
type columnTreatments map[string]string

func parseTreatments(written jsontext.Value) (columns columnTreatments, err error) {
	if json.Unmarshal(written, (*map[string]string)(&columns)) != nil {
		err = errors.New("it must be an object of names of columns, each with a treatment")
	}
	return columns, err
}

func parseExclude(names []string) (*privacy.Policy, error) {
	streams, err := schemas.Load()
	if err != nil {
		return nil, err
	}
	return privacy.Exclude(names, streams)
}

// makePolicy makes the policy of all settings for personal data together.
func (c *Config) makePolicy() error {
	if len(c.Privacy) == 0 && len(c.PrivacyColumns) == 0 && c.PrivacyKey == "" {
		return nil
	}
	streams, err := schemas.Load()
	if err != nil {
		return err
	}
	c.Policy, err = privacy.New(c.Privacy, c.PrivacyColumns, c.PrivacyKey, streams)
	return err
}
