package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/internal/atomicfile"
)

// maxInputBytes is the maximum size of config, catalog and state; a state of all streams with
// pieces under way has a few hundred kilobytes. Tests make it smaller.
var maxInputBytes = 64 << 20

// ReadFile returns the content of a file, or of standard input if its name is -. Its errors
// do not name the file, which the caller does.
func (in Input) ReadFile(name string) ([]byte, error) {
	if name == "-" {
		if in.Stdin == nil {
			return nil, errors.New("standard input is closed")
		}
		return limited(in.Stdin, "standard input")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	data, err := limited(f, "the file")
	return data, bare(err)
}

// bare returns an error about a file without the file's name.
func bare(err error) error {
	var about *fs.PathError
	if errors.As(err, &about) {
		return about.Err
	}
	return err
}

func limited(r io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(maxInputBytes)+1))
	if err == nil && len(data) > maxInputBytes {
		err = fmt.Errorf("%s is larger than %d MiB", name, maxInputBytes>>20)
	}
	if err != nil {
		return nil, err
	}
	return plain(data)
}

// RewriteToken puts a new refresh token in a config file, and preserves its other bytes, its
// permissions and its owner. The token is durable when the call returns. The file is replaced in
// one step; if that is impossible, because it is a mount or its folder is read-only, it is written
// in place.
func RewriteToken(file, token string) error {
	path, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if data, err = WithToken(data, token); err != nil {
		return err
	}
	return replace(path, nextFile(path), data)
}

// replace gives a file new content: in one step with the help of another file, or if that is
// impossible, in place.
func replace(path, via string, data []byte) error {
	if err := atomicfile.Replace(path, via, data); err == nil || !inPlace(err) {
		return err
	}
	return overwrite(path, data)
}

// inPlace reports whether a file that could not be replaced may still be written.
func inPlace(err error) bool {
	return errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EXDEV) ||
		errors.Is(err, syscall.EROFS) || errors.Is(err, os.ErrPermission)
}

func overwrite(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(data, 0); err != nil {
		return err
	}
	if err := f.Truncate(int64(len(data))); err != nil {
		return err
	}
	return f.Sync()
}

// CanRewrite returns an error if RewriteToken will not work, before a token is used that works only
// once.
func CanRewrite(file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err == nil {
		return f.Close()
	}
	// A read-only file can still be replaced if its folder is writable.
	path, lerr := filepath.EvalSymlinks(file)
	if lerr != nil {
		return lerr
	}
	if atomicfile.Probe(path) != nil {
		return err
	}
	return nil
}

// WithToken returns a config with another refresh token; its other bytes are unchanged, but that
// UTF-16 becomes UTF-8.
func WithToken(config []byte, token string) ([]byte, error) {
	if !bytes.HasPrefix(config, bom) {
		var err error
		if config, err = plain(config); err != nil {
			return nil, err
		}
	}
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

// place is the part of a file to replace, and what precedes the new text.
type place struct {
	from, to int
	before   []byte
}

// findToken finds the value of refresh_token in a config, or the place to add it. If it appears
// twice, the one in credentials counts, as it does when the config is read.
func findToken(config []byte) (place, error) {
	data := bytes.TrimPrefix(config, bom)
	skipped := len(config) - len(data)
	found := map[jsontext.Pointer]place{}
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
		if tok.Kind() == '"' && (pointer == "/refresh_token" ||
			pointer == "/credentials/refresh_token") {
			if _, length := dec.StackIndex(dec.StackDepth()); length%2 == 1 {
				value, err := dec.ReadValue()
				if err != nil {
					return place{}, err
				}
				end := skipped + int(dec.InputOffset())
				found[pointer] = place{from: end - len(value), to: end}
			}
		}
	}
	for _, pointer := range []jsontext.Pointer{"/credentials/refresh_token", "/refresh_token"} {
		if at, ok := found[pointer]; ok {
			return at, nil
		}
	}
	end := bytes.LastIndexByte(data, '}')
	if end < 0 {
		return place{}, errors.New("the config is not an object")
	}
	before := []byte(`, "refresh_token": `)
	if open := bytes.IndexByte(data, '{'); len(bytes.TrimSpace(data[open+1:end])) == 0 {
		before = before[2:]
	}
	return place{from: skipped + end, to: skipped + end, before: before}, nil
}
