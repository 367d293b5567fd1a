package config

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A new refresh token takes the place of the one that is read, and everything else stays as it was
// written.
func TestNewTokenTakesThePlaceOfTheOneThatIsRead(t *testing.T) {
	for config, want := range map[string]string{
		`{"refresh_token":"old"}`:                                     `{"refresh_token":"new"}`,
		"{\n\t\"refresh_token\" :\t\"old\",\r\n \"x\" : [ 1.0 ] }\n":  "{\n\t\"refresh_token\" :\t\"new\",\r\n \"x\" : [ 1.0 ] }\n",
		`{"refresh_token":null}`:                                      `{"refresh_token":"new"}`,
		`{"refresh_token":["odd",{}],"x":1}`:                          `{"refresh_token":"new","x":1}`,
		`{"refresh_token":"refresh_token"}`:                           `{"refresh_token":"new"}`,
		`{"credentials":{"refresh_token":"old"},"x":1}`:               `{"credentials":{"refresh_token":"new"},"x":1}`,
		`{"refresh_token":"up","credentials":{"refresh_token":"in"}}`: `{"refresh_token":"up","credentials":{"refresh_token":"new"}}`,
		`{"credentials":{"refresh_token":"in"},"refresh_token":"up"}`: `{"credentials":{"refresh_token":"new"},"refresh_token":"up"}`,
		`{"x":{"refresh_token":"mine"},"refresh_token":"old"}`:        `{"x":{"refresh_token":"mine"},"refresh_token":"new"}`,
		`{}`:                                   `{"refresh_token": "new"}`,
		" { \n} \n":                            " { \n\"refresh_token\": \"new\"} \n",
		`{"x":"refresh_token"}`:                `{"x":"refresh_token", "refresh_token": "new"}`,
		`{"x":["refresh_token","}"]}`:          `{"x":["refresh_token","}"], "refresh_token": "new"}`,
		`{"credentials":{"x":1}}`:              `{"credentials":{"x":1}, "refresh_token": "new"}`,
		"\xef\xbb\xbf" + `{"x":1}`:             "\xef\xbb\xbf" + `{"x":1, "refresh_token": "new"}`,
		"\xef\xbb\xbf" + `{"refresh_token":1}`: "\xef\xbb\xbf" + `{"refresh_token":"new"}`,
		"\xff\xfe{\x00}\x00":                   `{"refresh_token": "new"}`,
	} {
		got, err := WithToken([]byte(config), "new")
		require.NoError(t, err, config)
		assert.Equal(t, want, string(got), config)
	}
	for _, bad := range []string{"", "7", `["}"`, "[]", `{"x"`, `{"refresh_token":`, `{"refresh_token":"old"`, "\xff\xfe{"} {
		_, err := WithToken([]byte(bad), "new")
		assert.Error(t, err, bad)
	}
}

// A file that cannot be replaced because it is a mount, or stands in a folder that may not be
// written, is written in place. After any other error, such as a full disk, it is left alone.
func TestFilesThatAreWrittenInPlace(t *testing.T) {
	for err, want := range map[error]bool{
		syscall.EBUSY: true, syscall.EXDEV: true, syscall.EROFS: true, syscall.EACCES: true,
		syscall.EPERM: true, os.ErrPermission: true,
		syscall.ENOSPC: false, syscall.EIO: false, os.ErrNotExist: false, nil: false,
	} {
		assert.Equal(t, want, inPlace(fmt.Errorf("renaming: %w", err)), fmt.Sprint(err))
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "c.json")
	require.NoError(t, os.WriteFile(path, []byte("old and long"), 0o600))
	require.ErrorIs(t, replace(path, filepath.Join(folder, "none", "x"), []byte("new")), os.ErrNotExist)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "old and long", string(data))
	for _, content := range []string{"new", "newer and longer", "", "x"} {
		require.NoError(t, overwrite(path, []byte(content)))
		data, err = os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, content, string(data))
	}
	require.ErrorIs(t, overwrite(path+"x", nil), os.ErrNotExist)
	assert.NoFileExists(t, path+"x")
}
