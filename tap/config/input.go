package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// unmarshal reads JSON; its errors name the line and the column.
func unmarshal(data []byte, v any, file string) error {
	err := json.Unmarshal(data, v)
	if err == nil {
		return nil
	}
	return Placed(err, data, file)
}

// Placed makes an error of reading JSON name the place, without the text there.
func Placed(err error, data []byte, file string) error {
	if file == "-" {
		file = "standard input"
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		at := min(int(syntax.ByteOffset), len(data))
		line := 1 + strings.Count(string(data[:at]), "\n")
		column := at - strings.LastIndex(string(data[:at]), "\n")
		if len(strings.TrimSpace(string(data))) == 0 {
			return fmt.Errorf("%s is empty", file)
		}
		return fmt.Errorf("%s, line %d, column %d: invalid JSON: %w", file, line, column,
			syntax.Err)
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		if semantic.JSONPointer != "" {
			return fmt.Errorf("%s: it has the wrong type", semantic.JSONPointer)
		}
		return errors.New("it must be a JSON object")
	}
	return err
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
