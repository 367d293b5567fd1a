package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Misread returns the error of reading JSON from a file that op names: op names the place, too, and
// nothing repeats the text there.
func Misread(op string, err error, data []byte) *tap.Error {
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &syntax) && len(bytes.TrimSpace(data)) == 0:
		err = errors.New("it is empty")
	case errors.As(err, &syntax):
		at := min(int(syntax.ByteOffset), len(data))
		line := 1 + bytes.Count(data[:at], []byte{'\n'})
		column := at - bytes.LastIndexByte(data[:at], '\n')
		op = fmt.Sprintf("%s, line %d, column %d", op, line, column)
		err = fmt.Errorf("invalid JSON: %w", syntax.Err)
	case errors.As(err, &semantic) && semantic.JSONPointer != "":
		err = fmt.Errorf("%s: it has the wrong type", semantic.JSONPointer)
	case errors.As(err, &semantic):
		err = errors.New("it must be a JSON object")
	}
	return &tap.Error{Kind: tap.BadInput, Op: op, Err: err}
}

// Input is the source of config, catalog and state.
type Input struct {
	// File is the config file: - for Stdin, "" or ENV for the environment only.
	File  string
	Stdin io.Reader
	// Env looks up a variable; nil for the process's environment.
	Env func(string) (string, bool)
	// Now returns the time; nil for the machine's.
	Now func() time.Time
}

// place says where the config comes from, for messages; the file is empty if it is none.
func (in Input) place() (where, file string) {
	switch in.File {
	case "", "ENV":
		return "config from the environment", ""
	case "-":
		return "config -", ""
	}
	return "config " + in.File, in.File
}

func (in Input) now() time.Time {
	if in.Now == nil {
		return time.Now()
	}
	return in.Now()
}

// Getenv looks up a variable in the environment.
func (in Input) Getenv(name string) (string, bool) {
	if in.Env == nil {
		return os.LookupEnv(name)
	}
	return in.Env(name)
}
