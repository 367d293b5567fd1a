package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

func parseText(text string) error {
	_, err := Parse([]byte(text))
	return err
}

// A key that can only mean that something must not come out is an error, in the file as in the
// environment: ignoring it would let that out.
func TestProtectiveKeysAreNotIgnored(t *testing.T) {
	for _, name := range []string{
		"privcy", "pirvacy", "privacies", "privacy_column", "privacy.contact", "privacyColumns", "privacy-columns",
		"privacy_contact", "Privacy", "PRIVACY", "privacy ", "privacy_policy", "privaci", "prvcy_columns", "excluding", "data_privacy",
		"stream_maps", "stream_map_config", "stream-maps", "streamMaps", "excluded", "excludes",
		"exclude_columns", "exlude",
	} {
		err := parseText(`{"` + name + `":{"contact":"drop"}}`)
		assert.Equal(t, tap.BadInput, tap.KindOf(err), name)
		assert.ErrorContains(t, err, `"`+name+`"`)
		for _, unset := range []string{"null", `""`, "{}", "[]"} {
			assert.NoError(t, parseText(`{"`+name+`":`+unset+`}`), "%s: %s is not set", name, unset)
		}
	}
	for name, meant := range map[string]string{
		"privcy": "privacy", "privacyColumns": "privacy_columns", "privacy_kee": "privacy_key",
		"excludes": "exclude", "stream_maps": "privacy_columns",
	} {
		assert.ErrorContains(t, parseText(`{"`+name+`":"x"}`), `"`+name+`": use `+meant+" (", name)
	}
	assert.ErrorContains(t, parseText(`{"streamMaps":{"a":"b"},"privcy":{"pay":"drop"},"x":1}`),
		`config -: unknown key "privcy": use privacy; unknown key "streamMaps": use privacy_columns (such a key`)
	assert.ErrorContains(t, parseText(`{"credentials":{"privcy":{"contact":"drop"}}}`), "privcy")
	for _, name := range []string{
		"batch_config", "flattening_enabled", "private", "price", "include", "extra", "primary_key", "stream",
	} {
		assert.NoError(t, parseText(`{"`+name+`":"x"}`), name)
	}

	for _, name := range []string{"PRIVACY_COLUMN", "PRIVACY_CONTACT", "PRIVCY", "STREAM_MAPS", "EXCLUDES"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(EnvPrefix+name, `{"candidates.first_name":"a secret"}`)
			_, err := Read(Input{File: "-", Stdin: strings.NewReader(`{}`)})
			require.Error(t, err)
			assert.Equal(t, tap.BadInput, tap.KindOf(err))
			assert.ErrorContains(t, err, EnvPrefix+name)
			assert.NotContains(t, err.Error(), "a secret")
			t.Setenv(EnvPrefix+name, "")
			_, err = Read(Input{File: "-", Stdin: strings.NewReader(`{}`)})
			assert.NoError(t, err)
		})
	}
	t.Setenv(EnvPrefix+"PRIVACY", `{"contact":"drop"}`)
	cfg, err := Read(Input{File: "ENV"})
	require.NoError(t, err)
	assert.NotNil(t, cfg.Policy)
}

// A variable that was perhaps meant to be a setting is named, like a key of the file.
func TestMisspeltVariablesAreNamed(t *testing.T) {
	for name, meant := range map[string]string{
		"STREMS": "TAP_GREENHOUSE_STREAMS", "CLIENT_SECERT": "TAP_GREENHOUSE_CLIENT_SECRET",
		"LOG_FORMAT": "", "LOGLEVEL": "", "_SELECT": "", "QUITE_ELSE": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(EnvPrefix+name, "a secret")
			cfg, err := Read(Input{File: "-", Stdin: strings.NewReader(`{}`)})
			require.NoError(t, err)
			if meant == "" {
				assert.Empty(t, cfg.Warnings)
				return
			}
			require.Len(t, cfg.Warnings, 1)
			assert.Contains(t, cfg.Warnings[0], EnvPrefix+name)
			assert.Contains(t, cfg.Warnings[0], meant)
			assert.NotContains(t, cfg.Warnings[0], "a secret")
		})
	}
}

// exclude names columns that exist.
func TestExcludedColumnsExist(t *testing.T) {
	for text, says := range map[string]string{
		`["candidates.first_name","*.custom_fields"]`: "",
		`["candidates.frist_name"]`:                   "candidates.frist_name",
		`["candidates.id"]`:                           "candidates.id",
		`"candidates.first_name"`:                     "exclude",
	} {
		err := parseText(`{"exclude":` + text + `}`)
		if says == "" {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, says)
			assert.Equal(t, tap.BadInput, tap.KindOf(err))
		}
	}
}
