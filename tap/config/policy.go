package config

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
)

// makePolicies makes the policies of the settings for personal data.
func (c *Config) makePolicies() error {
	columns := map[string]string{}
	if v := c.PrivacyColumns; v != nil {
		if err := json.Unmarshal(v, &columns); err != nil {
			return errors.New("privacy_columns: it must be an object of names of columns, each with a treatment")
		}
	}
	if n := len(c.PrivacyKey); n > 0 && n < privacy.MinKey {
		return fmt.Errorf("privacy_key: it must have at least %d bytes", privacy.MinKey)
	}
	if len(c.Privacy) == 0 && len(columns) == 0 && len(c.ExcludeColumns) == 0 {
		return nil
	}
	streams, err := schemas.Load()
	if err != nil {
		return err
	}
	if c.Exclude, err = privacy.Exclude(c.ExcludeColumns, streams); err != nil {
		return err
	}
	c.Policy, err = privacy.New(c.Privacy, columns, c.PrivacyKey, streams)
	return err
}
