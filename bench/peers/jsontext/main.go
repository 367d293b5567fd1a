// Command jsontext is a lower bound for the cost of a tap: it reads the lists of a sandbox, eight
// at a time, splits pages with jsontext, and writes RECORD lines without checking anything.
// bench/measure.py compares the CPU of both.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

var nextPage = regexp.MustCompile(`<([^>]*)>; rel="next"`)

// copying writes pages unchanged: the cost of reading and writing.
var copying = len(os.Args) > 2 && os.Args[2] == "copy"

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(configFile string) error {
	data, err := os.ReadFile(configFile)
	if err != nil {
		return err
	}
	var config struct {
		API    string `json:"api_url"`
		Auth   string `json:"auth_url"`
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return err
	}
	token, err := signIn(config.Auth, config.ID, config.Secret)
	if err != nil {
		return err
	}
	var streams []string
	answer, err := http.Get(config.API + "/sandbox/streams")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&streams); err != nil {
		return err
	}
	out := &writer{w: bufio.NewWriterSize(os.Stdout, 1<<16)}
	lists := make(chan string)
	failed := make(chan error, 8)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for stream := range lists {
				if err := read(config.API+"/v3/"+stream+"?per_page=500", token, stream,
					out); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	for _, stream := range streams {
		select {
		case lists <- stream:
		case err := <-failed:
			return err
		}
	}
	close(lists)
	workers.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return out.w.Flush()
	}
}

func signIn(auth, id, secret string) (string, error) {
	req, err := http.NewRequest(http.MethodPost, auth,
		strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(id, secret)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var granted struct {
		Token string `json:"access_token"`
	}
	return granted.Token, json.NewDecoder(answer.Body).Decode(&granted)
}

type writer struct {
	mu sync.Mutex
	w  *bufio.Writer
}

// read reads a list to its end.
func read(page, token, stream string, out *writer) error {
	prefix := []byte(`{"type":"RECORD","stream":"` + stream + `","record":`)
	var body bytes.Buffer
	var lines []byte
	for page != "" {
		req, err := http.NewRequest(http.MethodGet, page, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		body.Reset()
		_, err = body.ReadFrom(answer.Body)
		answer.Body.Close()
		if err != nil {
			return err
		}
		if answer.StatusCode == http.StatusNotFound {
			return nil // a view has no address
		}
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", page, answer.Status)
		}
		if copying {
			lines = append(lines[:0], body.Bytes()...)
			body.Reset()
			body.WriteString("[]")
		}
		dec := jsontext.NewDecoder(&body, jsontext.AllowDuplicateNames(true))
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		if !copying {
			lines = lines[:0]
		}
		for dec.PeekKind() == '{' {
			record, err := dec.ReadValue()
			if err != nil {
				return err
			}
			lines = append(append(append(lines, prefix...), record...), "}\n"...)
		}
		if _, err := dec.ReadToken(); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		out.mu.Lock()
		_, err = out.w.Write(lines)
		out.mu.Unlock()
		if err != nil {
			return err
		}
		page = ""
		if m := nextPage.FindStringSubmatch(answer.Header.Get("Link")); m != nil {
			page = m[1]
		}
	}
	return nil
}
