package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

// Attachments says where to store contents of attachments, and which.
type Attachments struct {
	Store    store.Store
	Types    []string // empty for all
	MaxBytes int64
}

// Deletes says where to store the ids of rows, and how often to sweep long lists.
type Deletes struct {
	Store    store.Store
	Every    time.Duration
	MaxShare float64
}

// The defaults of deletes and attachments.
const (
	sweepEvery   = 7 * 24 * time.Hour
	maxFileBytes = 100_000_000 // of an attachment
	maxShare     = 0.2
)

// parseStores returns, with an error, the key that it is about.
func (c *Config) parseStores() (key string, err error) {
	if a := c.texts.Attachments; a != nil {
		s, err := store.Open(a.Store, c.getenv, c.RequestTimeout)
		if err != nil {
			return "attachments.store", err
		}
		if a.MaxBytes == 0 {
			a.MaxBytes = maxFileBytes
		}
		c.Attachments = &Attachments{Store: s, Types: a.Types, MaxBytes: a.MaxBytes}
	}
	if d := c.texts.Deletes; d != nil {
		s, err := store.Open(d.Store, c.getenv, c.RequestTimeout)
		if err != nil {
			return "deletes.store", err
		}
		c.Deletes = &Deletes{Store: s, Every: sweepEvery, MaxShare: maxShare}
		if d.Every != "" {
			if c.Deletes.Every, err = parseDuration(d.Every); err != nil {
				return "deletes.every", err
			}
		}
		if d.MaxShare != "" {
			percent, err := strconv.ParseFloat(strings.TrimSuffix(d.MaxShare, "%"), 64)
			if err != nil || percent < 0 || percent > 100 {
				return "deletes.max_share", fmt.Errorf("%q is not a percentage: write it as 20%%",
					d.MaxShare)
			}
			c.Deletes.MaxShare = percent / 100
		}
	}
	return "", nil
}

func (c *Config) parsePrivacy() error {
	columns := map[string]string{}
	if v := c.PrivacyColumns; len(v) > 0 {
		if v.Kind() == '"' { // forms without free-form objects pass it as a string
			var text string
			if err := json.Unmarshal(v, &text); err != nil {
				return fmt.Errorf("privacy_columns: %w", err)
			}
			v = jsontext.Value(text)
		}
		if err := json.Unmarshal(v, &columns); err != nil {
			return errors.New("privacy_columns: it must be an object of names of columns, each with a treatment")
		}
	}
	if len(c.Privacy) == 0 && len(columns) == 0 && len(c.texts.Exclude) == 0 {
		return nil
	}
	streams, err := schemas.Load()
	if err != nil {
		return err
	}
	if c.Exclude, err = privacy.Exclude(c.texts.Exclude, streams); err != nil {
		return err
	}
	c.Policy, err = privacy.New(c.Privacy, columns, c.PrivacyKey, streams)
	return err
}
