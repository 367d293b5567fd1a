package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxFileBytes bounds config, catalog and state; a state of all streams with pieces under way has some hundred kilobytes.
const maxFileBytes = 64 << 20

// read returns what a file holds, or standard input where its name is -. Its errors name the file.
func (in input) read(name string) ([]byte, error) {
	if name == "-" {
		if in.stdin == nil {
			return nil, errors.New("standard input is closed")
		}
		return limited(in.stdin, "standard input")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return limited(f, name)
}

func limited(r io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err == nil && len(data) > maxFileBytes {
		err = fmt.Errorf("%s is larger than %d MiB", name, maxFileBytes>>20)
	}
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), err
}

// rewriteToken puts a new refresh token into a config file, and leaves the rest of its bytes, its permissions and its owner as they are.
// The file is either the old or the new one whatever happens, and it is on the disk when the call returns.
func rewriteToken(file, token string) error {
	path, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if data, err = withToken(data, token); err != nil {
		return err
	}
	return replaceFile(path, data)
}

// withToken returns a config with another refresh token, and the rest of its bytes as they are.
func withToken(config []byte, token string) ([]byte, error) {
	text, err := json.Marshal(token)
	if err != nil {
		return nil, err
	}
	at, err := findToken(config)
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{config[:at.from], at.before, text, config[at.to:]}, nil), nil
}

// place is a part of a file to be replaced, and what to put before the new text.
type place struct {
	from, to int
	before   []byte
}

// findToken finds the value of refresh_token in a config, or else the place where it can be added.
func findToken(data []byte) (place, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	for {
		tok, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return place{}, err
		}
		pointer := dec.StackPointer()
		if tok.Kind() == '"' && (pointer == "/refresh_token" || pointer == "/credentials/refresh_token") {
			if _, length := dec.StackIndex(dec.StackDepth()); length%2 == 1 {
				value, err := dec.ReadValue()
				if err != nil {
					return place{}, err
				}
				end := int(dec.InputOffset())
				return place{from: end - len(value), to: end}, nil
			}
		}
	}
	end := bytes.LastIndexByte(data, '}')
	if end < 0 {
		return place{}, errors.New("the config is no object")
	}
	before := []byte(`, "refresh_token": `)
	if open := bytes.IndexByte(data, '{'); len(bytes.TrimSpace(data[open+1:end])) == 0 {
		before = before[2:]
	}
	return place{from: end, to: end, before: before}, nil
}

// replaceFile writes a file anew in one step, with the permissions and, where that is allowed, the owner of the old one.
func replaceFile(path string, data []byte) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := f.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	keepOwner(f, info)
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
