package store

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The same table on every platform: what an address means does not depend on where it is read.
func TestAddressesOfStores(t *testing.T) {
	for address, want := range map[string]location{
		"file:///var/lib/ids":     {folder: "/var/lib/ids"},
		"file:///":                {folder: "/"},
		"file:///a b/%C3%A4%23":   {folder: "/a b/ä#"},
		`C:\ids`:                  {folder: "C:/ids"},
		`C:\my ids\100%\#1`:       {folder: "C:/my ids/100%/#1"},
		"C:/ids":                  {folder: "C:/ids"},
		"a:/ids":                  {folder: "a:/ids"},
		"Z:/ids":                  {folder: "Z:/ids"},
		`C:\`:                     {folder: "C:/"},
		"file:///C:/ids":          {folder: "C:/ids"},
		`file:///C:\ids`:          {folder: "C:/ids"},
		"file:///C:/my%20ids":     {folder: "C:/my ids"},
		"s3://bucket":             {bucket: "bucket"},
		"s3://bucket/":            {bucket: "bucket"},
		"s3://bucket/prefix/more": {bucket: "bucket", prefix: "prefix/more"},
	} {
		got, err := parse(address)
		require.NoError(t, err, address)
		assert.Equal(t, want, got, address)
	}
	for _, bad := range []string{
		"", "ids", "/var/lib/ids", "./ids", `\ids`, "C:", "C:ids", `C:..\ids`, "1:/ids", "file:ids",
		"file://ids", "file://host/ids", "file:///C:ids", "file:///C:", "FILE", "s3://", "s3:///x",
		"s3:bucket", "gs://bucket", "https://bucket.example.com", "s3://user:secret@bucket",
		"file:///a?b", "file:///a#b", "file:///a#", "s3://bucket/a?b=c", "file:///%zz", "file://C:/ids",
		"s3:///C:/ids", "file://host/C:/ids", "s3:/C:/ids", "`:/ids", "{:/ids", "@:/ids", "[:/ids",
	} {
		_, err := parse(bad)
		assert.Error(t, err, bad)
		if err != nil {
			assert.NotContains(t, err.Error(), "secret")
		}
	}
}

func TestAddressesOfFiles(t *testing.T) {
	assert.Equal(t, "file:///var/ids/7/x", fileURL("/var/ids/7/x"))
	assert.Equal(t, "file:///C:/ids/7/x", fileURL("C:/ids/7/x"))
}
