package attachments

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5" //nolint:gosec // a checksum that hosts tell
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

const link = "https://files.example/cv?signature=secret"

func noLinks(string) string { return "" }

func fine(r *http.Request) (*http.Response, error) { return reply(r, 200, "the content"), nil }

// A record comes out with its content in the store, and without it if that is already there.
func TestContentIsInTheStoreBeforeItsRecordComesOut(t *testing.T) {
	w := newWorld(t, fine, noLinks, nil)
	for range 2 {
		rows, err := w.enrich(t, shape(record.Keep), attachment(7, link))
		require.NoError(t, err)
		assert.Equal(t, "the content", w.content(t, rows[0]))
		sum := sha256.Sum256([]byte("the content"))
		assert.Equal(t, hex.EncodeToString(sum[:]), *rows[0].SHA256)
		assert.EqualValues(t, len("the content"), *rows[0].Bytes)
		assert.Equal(t, "text/plain", *rows[0].Type)
		assert.Equal(t, "file://"+w.dir+"/7/CV.txt", *rows[0].URL)
	}
	require.Len(t, w.requests, 1, "what is there is not fetched again")
	newer := strings.Replace(attachment(7, link), "2026-01", "2026-02", 1)
	_, err := w.enrich(t, shape(record.Keep), newer)
	require.NoError(t, err)
	assert.Len(t, w.requests, 2, "another version of the row may have another file")
	for _, r := range w.requests {
		assert.Equal(t, http.Header{
			"User-Agent": {"a-tap"}, "Accept": {"*/*"}, "Accept-Encoding": {"identity"},
		}, r.Header, "no credential, cookie or referer")
	}
	other := &tap.Query{Stream: &tap.Stream{Name: "users"}}
	out, err := w.Enrich(t.Context(), other, nil, [][]byte{[]byte("{}")})
	require.NoError(t, err)
	assert.Equal(t, "{}", string(out[0]))
	assert.Empty(t, w.asked)
	assert.Empty(t, w.log.String())
}

// broken is a body that fails after some bytes.
type broken struct {
	io.Reader
	err error
}

func (b *broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = b.err
	}
	return n, err
}

func (*broken) Close() error { return nil }

// drips is a body of two bytes a second.
type drips struct{ r *http.Request }

func (d drips) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		return copy(p, "ab"), nil
	case <-d.r.Context().Done():
		return 0, d.r.Context().Err()
	}
}

func (drips) Close() error { return nil }

// passing are failures of a host that may be over soon.
func passing() map[string]hosts {
	status := func(code int) hosts {
		return func(r *http.Request) (*http.Response, error) { return reply(r, code, "busy"), nil }
	}
	return map[string]hosts{
		"500": status(500), "503": status(503), "429": status(429), "408": status(408),
		"202": status(202),
		"refused": func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		},
		"unknown": func(*http.Request) (*http.Response, error) {
			return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
		},
		"cut": func(r *http.Request) (*http.Response, error) {
			answer := reply(r, 200, "")
			answer.Body = &broken{strings.NewReader("the con"), io.ErrUnexpectedEOF}
			answer.ContentLength = -1
			answer.TransferEncoding = []string{"chunked"}
			return answer, nil
		},
		"shorter than its length": func(r *http.Request) (*http.Response, error) {
			answer := reply(r, 200, "the con")
			answer.ContentLength = 11
			return answer, nil
		},
		"packed and cut": func(r *http.Request) (*http.Response, error) {
			answer := reply(r, 200, packed("the content")[:20], "Content-Encoding", "gzip")
			return answer, nil
		},
		"not what its checksum says": func(r *http.Request) (*http.Response, error) {
			return reply(r, 200, "the CONTENT", "X-Amz-Checksum-Sha256", sha("the content")), nil
		},
		"silent": func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
		"drips": func(r *http.Request) (*http.Response, error) {
			answer := reply(r, 200, "")
			answer.Body, answer.ContentLength = drips{r}, -1
			return answer, nil
		},
	}
}

func packed(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text)) // to memory
	_ = z.Close()
	return b.String()
}

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// A host that is away for a while costs time and no file; one that stays away fails the stream
// after max_retry_time, so that its bookmark stays, and no record says that it has no file.
func TestHostsThatAreAwayLoseNoFile(t *testing.T) {
	for name, away := range passing() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				w := newWorld(t, func(r *http.Request) (*http.Response, error) {
					if time.Since(began) < 8*time.Second {
						return away(r)
					}
					return fine(r)
				}, noLinks, nil)
				rows, err := w.enrich(t, shape(record.Keep), attachment(7, link))
				require.NoError(t, err)
				assert.Equal(t, "the content", w.content(t, rows[0]))
				assert.Contains(t, w.log.String(), `msg="trying again" while="fetching the file of attachment 7"`)
				assert.NotContains(t, w.log.String(), "secret")
				assert.Empty(t, w.asked, "the link is not to blame")
			})
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				w := newWorld(t, away, noLinks, nil)
				rows, err := w.enrich(t, shape(record.Keep), attachment(7, link))
				assert.Empty(t, rows)
				require.ErrorContains(t, err, "fetching the file of attachment 7: ")
				assert.ErrorContains(t, err, "the next run continues from there")
				assert.Contains(t, []tap.Kind{tap.Network, tap.Server}, tap.KindOf(err))
				assert.NotContains(t, err.Error(), "secret")
				assert.InDelta(t, 10, time.Since(began).Minutes(), 2.1)
				left, err := filepath.Glob(filepath.Join(w.dir, ".part-*"))
				require.NoError(t, err)
				assert.Empty(t, left)
			})
		})
	}
}

// A wait that the host asks for is kept to.
func TestHostsSayHowLongToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		w := newWorld(t, func(r *http.Request) (*http.Response, error) {
			if at = append(at, time.Now()); len(at) == 1 {
				return reply(r, 503, "", "Retry-After", "90"), nil
			}
			return fine(r)
		}, noLinks, nil)
		_, err := w.enrich(t, shape(record.Keep), attachment(7, link))
		require.NoError(t, err)
		assert.Equal(t, 90*time.Second, at[1].Sub(at[0]))
	})
}

// What belongs to the file is told by its record, and the stream goes on.
func TestFailuresOfAFileAreToldByItsRecord(t *testing.T) {
	status := func(code int) hosts {
		return func(r *http.Request) (*http.Response, error) { return reply(r, code, ""), nil }
	}
	for name, c := range map[string]struct {
		host  hosts
		words string
		tries int
	}{
		"404":                {status(404), "files.example:443 answers 404 Not Found", 1},
		"410":                {status(410), "410 Gone", 1},
		"403":                {status(403), "403 Forbidden", 1},
		"451":                {status(451), "451 Unavailable", 1},
		"204":                {status(204), "204 No Content", 1},
		"206":                {status(206), "206 Partial Content", 1},
		"a redirect nowhere": {status(302), "302 Found", 1},
		"too large by its length": {func(r *http.Request) (*http.Response, error) {
			return reply(r, 200, strings.Repeat("x", 1001)), nil
		}, "larger than 1000 bytes (max_bytes)", 1},
		"too large without a length": {func(r *http.Request) (*http.Response, error) {
			answer := reply(r, 200, strings.Repeat("x", 1001))
			answer.ContentLength = -1
			return answer, nil
		}, "larger than 1000 bytes (max_bytes)", 1},
		"too large when unpacked": {func(r *http.Request) (*http.Response, error) {
			return reply(r, 200, packed(strings.Repeat("x", 1001)), "Content-Encoding", "gzip"), nil
		}, "larger than 1000 bytes (max_bytes)", 1},
		"packed in a way nobody asked for": {func(r *http.Request) (*http.Response, error) {
			return reply(r, 200, "???", "Content-Encoding", "br"), nil
		}, `unknown Content-Encoding "br"`, 1},
		"an end that nobody can prove": {func(r *http.Request) (*http.Response, error) {
			answer := reply(r, 200, "the con")
			answer.ContentLength = -1
			return answer, nil
		}, "may not be whole", maxUnproven},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.host, noLinks, nil)
				rows, err := w.enrich(t, shape(record.Keep), attachment(7, link))
				require.NoError(t, err)
				require.NotNil(t, rows[0].Error)
				assert.Contains(t, *rows[0].Error, c.words)
				assert.Nil(t, rows[0].URL)
				assert.Nil(t, rows[0].Bytes)
				assert.Nil(t, rows[0].SHA256)
				assert.Nil(t, rows[0].Type)
				assert.Len(t, w.requests, c.tries)
				assert.Contains(t, w.log.String(), `msg="an attachment could not be fetched" stream=attachments id=7`)
				files, err := os.ReadDir(w.dir)
				require.NoError(t, err)
				assert.Empty(t, files, "nothing is left of it")
			})
		})
	}
}

// A file is whole, and just as large as may be, if the host says where it ends, or what its
// checksum is; a packed one is unpacked.
func TestWholeFiles(t *testing.T) {
	sum5 := md5.Sum([]byte("the content")) //nolint:gosec // see above
	unmeasured := func(r *http.Request, header ...string) *http.Response {
		answer := reply(r, 200, "the content", header...)
		answer.ContentLength = -1
		return answer
	}
	for name, host := range map[string]hosts{
		"with a length": fine,
		"packed": func(r *http.Request) (*http.Response, error) {
			body := packed("the content")
			return reply(r, 200, body, "Content-Encoding", "gzip", "X-Amz-Checksum-Sha256", sha(body)), nil
		},
		"with SHA-256": func(r *http.Request) (*http.Response, error) {
			return unmeasured(r, "X-Amz-Checksum-Sha256", sha("the content")), nil
		},
		"with MD5": func(r *http.Request) (*http.Response, error) {
			return unmeasured(r, "Content-Md5", base64.StdEncoding.EncodeToString(sum5[:])), nil
		},
		"with a checksum of parts": func(r *http.Request) (*http.Response, error) {
			return reply(r, 200, "the content", "X-Amz-Checksum-Sha256", sha("x")+"-2"), nil
		},
		"of HTTP/2": func(r *http.Request) (*http.Response, error) {
			answer := unmeasured(r)
			answer.ProtoMajor = 2
			return answer, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, host, noLinks, func(o *Options) { o.MaxBytes = 11 })
			rows, err := w.enrich(t, shape(record.Keep), attachment(7, link))
			require.NoError(t, err)
			assert.Equal(t, "the content", w.content(t, rows[0]))
			assert.EqualValues(t, 11, *rows[0].Bytes)
		})
	}
	w := newWorld(t, func(r *http.Request) (*http.Response, error) {
		answer := reply(r, 200, "the content")
		answer.Header.Del("Content-Type")
		return answer, nil
	}, noLinks, nil)
	rows, err := w.enrich(t, shape(record.Keep), attachment(7, link))
	require.NoError(t, err)
	assert.Equal(t, "application/octet-stream", *rows[0].Type)
}

// Links that failed together are asked for together, 50 in a request, and no others.
func TestDeadLinksOfAPageAreRenewedTogether(t *testing.T) {
	for dead, want := range map[int]int{0: 0, 1: 1, 50: 1, 51: 2, 120: 3} {
		w := newWorld(t, func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Has("dead") {
				return reply(r, 403, "expired"), nil
			}
			return fine(r)
		}, func(id string) string { return "https://files.example/new/" + id }, nil)
		var records []string
		all := dead + 20
		for id := 1; id <= all; id++ {
			to := "https://files.example/old/" + fmt.Sprint(id)
			if id%all < dead {
				to += "?dead"
			}
			records = append(records, attachment(id, to))
		}
		rows, err := w.enrich(t, shape(record.Keep), records...)
		require.NoError(t, err)
		for _, row := range rows {
			assert.Equal(t, "the content", w.content(t, row))
		}
		assert.Len(t, w.asked, want, "%d dead links", dead)
		ids := strings.Split(strings.Join(w.asked, ","), ",")
		assert.True(t, dead == 0 || len(ids) == dead)
		assert.Len(t, w.requests, all+dead)
		assert.NotContains(t, w.log.String(), "could not be fetched")
	}
}

// A link that is not renewed, or renewed to the same, is not tried again.
func TestLinksThatStayDead(t *testing.T) {
	for name, to := range map[string]string{"none": "", "the same": link} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(r *http.Request) (*http.Response, error) {
				return reply(r, 404, ""), nil
			}, func(string) string { return to }, nil)
			rows, err := w.enrich(t, shape(record.Keep), attachment(7, link))
			require.NoError(t, err)
			assert.Contains(t, *rows[0].Error, "404")
			assert.Len(t, w.requests, 1)
			assert.Equal(t, []string{"7"}, w.asked)
		})
	}
}

// Where the records do not hold the links, they are asked for, but not for files that are there.
func TestLinksThatRecordsDoNotHold(t *testing.T) {
	for name, c := range map[string]struct {
		treatment record.Treatment
		link      string
	}{
		"dropped": {record.Drop, link}, "hashed": {record.Hash, "0f0f"}, "null": {record.Keep, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fine, func(string) string { return link }, nil)
			for range 2 {
				rows, err := w.enrich(t, shape(c.treatment), attachment(7, c.link), attachment(8, c.link))
				require.NoError(t, err)
				assert.Equal(t, "the content", w.content(t, rows[1]))
			}
			assert.Equal(t, []string{"7,8"}, w.asked)
		})
	}
	t.Run("an unreadable member", func(t *testing.T) {
		w := newWorld(t, fine, func(string) string { return link }, nil)
		rows, err := w.enrich(t, shape(record.Keep), `{"id":7,"url":["odd"]}`)
		require.NoError(t, err)
		assert.Equal(t, "the content", w.content(t, rows[0]))
	})
	t.Run("an unreadable member of the answer, too", func(t *testing.T) {
		w := newWorld(t, fine, noLinks, nil)
		w.opts.Source = source(func(_ context.Context, _ tap.Request, take func(tap.Page) error) error {
			return take(tap.Page{Body: []byte(`[null,{"id":7,"url":["odd"]},{"id":8,"filename":12,"url":"` + link + `"}]`)})
		})
		rows, err := w.enrich(t, shape(record.Keep), `{"id":7,"url":["odd"]}`, `{"id":8,"filename":12}`)
		require.NoError(t, err)
		assert.Equal(t, "there is no link", *rows[0].Error)
		assert.Equal(t, "the content", w.content(t, rows[1]))
	})
	t.Run("an unreadable record", func(t *testing.T) {
		w := newWorld(t, fine, noLinks, nil)
		rows, err := w.enrich(t, shape(record.Keep), `{"url":["odd"]}`, attachment(7, link))
		require.NoError(t, err)
		assert.Contains(t, *rows[0].Error, "cannot be read")
		assert.Equal(t, "the content", w.content(t, rows[1]))
	})
	t.Run("an unreadable answer", func(t *testing.T) {
		w := newWorld(t, fine, noLinks, nil)
		w.opts.Source = source(func(_ context.Context, _ tap.Request, take func(tap.Page) error) error {
			return take(tap.Page{Body: []byte("{}")})
		})
		_, err := w.enrich(t, shape(record.Keep), attachment(7, ""))
		var malformed *record.MalformedError
		assert.ErrorAs(t, err, &malformed, "the page of links is asked for again")
	})
	t.Run("a list that does not answer", func(t *testing.T) {
		w := newWorld(t, fine, noLinks, nil)
		away := tap.Errorf(tap.Server, "reading list attachments", "no")
		w.opts.Source = source(func(context.Context, tap.Request, func(tap.Page) error) error { return away })
		_, err := w.enrich(t, shape(record.Keep), attachment(7, ""))
		assert.Equal(t, away, err)
	})
}

// Only the types that are wanted are fetched, also if the records do not hold the type.
func TestTypes(t *testing.T) {
	want := func(o *Options) { o.Types = []string{"resume"} }
	w := newWorld(t, fine, noLinks, want)
	rows, err := w.enrich(t, shape(record.Keep), attachment(7, link),
		strings.Replace(attachment(8, link), `"resume"`, `"other"`, 1))
	require.NoError(t, err)
	assert.Equal(t, "the content", w.content(t, rows[0]))
	assert.Equal(t, "left out: its type is not among attachments.types", *rows[1].Error)
	assert.Len(t, w.requests, 1)
	assert.Empty(t, w.log.String(), "nobody wanted it")
	assert.Empty(t, w.asked, "the records hold their types")

	hidden := Shape(record.NewObject([]record.Column{
		{Name: "id", Shape: &record.Shape{Kinds: record.Integer}},
	}))
	w = newWorld(t, fine, func(string) string { return link }, want)
	rows, err = w.enrich(t, hidden, `{"id":7}`)
	require.NoError(t, err)
	assert.Equal(t, "the content", w.content(t, rows[0]))
	assert.Equal(t, "file://"+w.dir+"/7/file", *rows[0].URL, "a hidden name is not told")
	assert.Equal(t, []string{"7"}, w.asked)
}

// The columns for contents can be treated like others.
func TestTreatedColumns(t *testing.T) {
	s := shape(record.Keep)
	columns := slices.Clone(s.Columns)
	for i := range columns {
		switch columns[i].Name {
		case "content_url":
			columns[i].Treatment = record.Mask
		case "content_sha256":
			columns[i].Treatment = record.Drop
		}
	}
	w := newWorld(t, fine, noLinks, nil)
	out, err := w.Enrich(t.Context(), &tap.Query{Stream: &tap.Stream{Name: Stream}},
		record.NewObject(columns), [][]byte{[]byte(`{"id":7,"url":"` + link + `"}`)})
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":7,"url":"`+link+`","content_url":null,"content_bytes":11,
		"content_type":"text/plain","content_error":null}`, string(out[0]))
}

// A store that does not work fails the stream, and says which setting to check.
func TestStoresThatDoNotWork(t *testing.T) {
	w := newWorld(t, fine, noLinks, nil)
	require.NoError(t, os.RemoveAll(w.dir))
	require.NoError(t, os.WriteFile(w.dir, nil, 0o600))
	_, err := w.enrich(t, shape(record.Keep), attachment(7, link))
	assert.Equal(t, tap.Storage, tap.KindOf(err))
	assert.ErrorContains(t, err, "attachments.store")

	w = newWorld(t, fine, noLinks, nil)
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "7"), nil, 0o600))
	_, err = w.enrich(t, shape(record.Keep), attachment(7, link))
	assert.Equal(t, tap.Storage, tap.KindOf(err))
}

// failing is a store in which one step fails.
type failing struct {
	store.Store
	step string
}

var errFull = errors.New("no space left on device")

func (s failing) Stat(ctx context.Context, name string) (store.Meta, error) {
	if s.step == "Stat" {
		return store.Meta{}, errFull
	}
	return s.Store.Stat(ctx, name)
}

func (s failing) Temp() (*os.File, error) {
	f, err := s.Store.Temp()
	switch s.step {
	case "Temp":
		store.Discard(f)
		return nil, errFull
	case "Write":
		f.Close()
	}
	return f, err
}

func (s failing) Put(ctx context.Context, name string, f *os.File, m store.Meta) error {
	if s.step == "Put" {
		store.Discard(f)
		return errFull
	}
	return s.Store.Put(ctx, name, f, m)
}

// Whatever step a store fails in, the file is not the reason, and nothing is left of it.
func TestStoresThatFailHalfWay(t *testing.T) {
	for step, says := range map[string]string{
		"Stat": "looking for 7/CV.txt in file://", "Temp": "keeping 7/CV.txt in file://",
		"Write": "keeping 7/CV.txt in file://", "Put": "keeping 7/CV.txt in file://",
	} {
		w := newWorld(t, fine, noLinks, func(o *Options) { o.Store = failing{o.Store, step} })
		rows, err := w.enrich(t, shape(record.Keep), attachment(7, link))
		assert.Empty(t, rows, step)
		assert.ErrorContains(t, err, says, step)
		assert.ErrorContains(t, err, "check that attachments.store exists and is writable", step)
		assert.Equal(t, tap.Storage, tap.KindOf(err), step)
		files, err := os.ReadDir(w.dir)
		require.NoError(t, err)
		assert.Empty(t, files, step)
	}
}

// stopping is a store in which the run is stopped.
type stopping struct {
	store.Store
	stop func()
}

func (s stopping) Put(ctx context.Context, _ string, f *os.File, _ store.Meta) error {
	store.Discard(f)
	s.stop()
	return ctx.Err()
}

// A run that was stopped says why, whatever its downloads and its store say.
func TestStoppedDownloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, passing()["silent"], noLinks, nil)
		ctx, cancel := context.WithCancelCause(t.Context())
		why := tap.Errorf(tap.Interrupted, "stopped", "a signal")
		time.AfterFunc(time.Second, func() { cancel(why) })
		_, err := w.Enrich(ctx, &tap.Query{Stream: &tap.Stream{Name: Stream}},
			shape(record.Keep), [][]byte{[]byte(attachment(7, link))})
		assert.Equal(t, why, err)

		ctx, cancel = context.WithCancelCause(t.Context())
		w = newWorld(t, fine, noLinks, func(o *Options) {
			o.Store = stopping{o.Store, func() { cancel(why) }}
		})
		_, err = w.Enrich(ctx, &tap.Query{Stream: &tap.Stream{Name: Stream}},
			shape(record.Keep), [][]byte{[]byte(attachment(7, link))})
		assert.Equal(t, why, err, "no advice about the store")
	})
}
