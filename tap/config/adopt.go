package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
)

// nextFile returns where the next content of a file is written before it replaces the file.
func nextFile(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".next")
}

// adopt takes over the refresh token that an earlier run had written whole when it was killed: it
// is the only one that works. Whoever may write to the folder can put a file there, so it must have
// the config's owner and mode, and differ from the config in nothing but the token. It returns a
// warning about a file that was left alone.
func (in Input) adopt() (warning string, err error) {
	where, file := in.place()
	if file == "" {
		return "", nil
	}
	path, err := filepath.EvalSymlinks(file)
	if err != nil {
		return "", nil //nolint:nilerr // reading the config says it better
	}
	next := nextFile(path)
	if _, err := os.Lstat(next); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	config, err := os.ReadFile(path)
	if err != nil {
		return "", nil //nolint:nilerr // reading the config says it better
	}
	token, err := in.nextToken(path, next, config)
	if err != nil {
		return fmt.Sprintf("%s: %s is ignored: %s", where, filepath.Base(next), err), nil
	}
	if token == "" {
		return "", nil
	}
	// Not by renaming it: its owner may have changed since it was read. And it stays until the
	// config has the token.
	if config, err = WithToken(config, token); err == nil {
		err = replace(path, next+".adopted", config)
	}
	if err != nil {
		return "", badConfig(where, "saving the refresh token of %s: %w", filepath.Base(next), err)
	}
	_ = os.Remove(next) // the token is in the config
	return "", nil
}

// nextToken returns the token in the file that was to replace the config; empty if the config is
// newer than the file, which is then of no use. The error says why the file is not trusted.
func (in Input) nextToken(path, next string, config []byte) (string, error) {
	if info, err := os.Lstat(next); err != nil || !info.Mode().IsRegular() {
		return "", errors.New("it is no regular file")
	}
	f, err := os.Open(next)
	if err != nil {
		return "", errors.New("it cannot be read")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	old, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	switch {
	case !sameOwner(info, old):
		return "", errors.New("its owner is not that of the config")
	case info.Mode() != old.Mode():
		return "", errors.New("its mode is not that of the config")
	case info.ModTime().Before(old.ModTime()):
		return "", nil
	}
	content, err := limited(f, next)
	if err != nil {
		return "", err
	}
	if bytes.HasPrefix(config, bom) {
		content = append(bytes.Clone(bom), content...)
	}
	if in.tokenIn(config) == "" {
		return "", errors.New("the config has no refresh_token to renew")
	}
	token := Input{}.tokenIn(content)
	want, err := WithToken(config, token)
	switch {
	case err != nil || token == "" || len(content) < len(want) && bytes.HasPrefix(want, content):
		return "", errors.New("it was not written whole")
	case !bytes.Equal(want, content):
		return "", errors.New("it differs from the config in more than the refresh token")
	}
	return token, nil
}

// tokenIn returns the refresh token of a config, or else that of the environment; empty if there is
// none.
func (in Input) tokenIn(config []byte) string {
	if at, err := findToken(config); err == nil && at.before == nil {
		var token string
		if json.Unmarshal(config[at.from:at.to], &token) == nil && token != "" {
			return token
		}
	}
	if in.File == "" {
		return ""
	}
	token, _ := in.Getenv(EnvPrefix + "REFRESH_TOKEN")
	return token
}
