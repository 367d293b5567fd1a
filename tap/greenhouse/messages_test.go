package greenhouse_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

// However the bytes are cut, each message arrives once, in order.
func TestMessagesArriveWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 20).Draw(t, "messages")
		var text []byte
		for i := range n {
			text = fmt.Appendf(text, `{"type":"RECORD","stream":"s%d","record":{"id":%d}}`+"\n", i, i)
		}
		var got []greenhouse.Message
		w := greenhouse.Messages(func(m greenhouse.Message) error {
			got = append(got, m)
			return nil
		})
		for len(text) > 0 {
			k := rapid.IntRange(1, len(text)).Draw(t, "bytes")
			written, err := w.Write(text[:k])
			if err != nil || written != k {
				t.Fatal(written, err)
			}
			text = text[k:]
		}
		if len(got) != n {
			t.Fatalf("%d of %d messages", len(got), n)
		}
		for i, m := range got {
			if m.Stream != fmt.Sprintf("s%d", i) || string(m.Record) != fmt.Sprintf(`{"id":%d}`, i) {
				t.Fatalf("message %d is %v", i, m)
			}
		}
	})
}

func TestAnErrorOfTheCallbackEndsTheRun(t *testing.T) {
	full := errors.New("the table is full")
	w := greenhouse.Messages(func(greenhouse.Message) error { return full })
	_, err := w.Write([]byte(`{"type":"STATE"}` + "\n"))
	require.ErrorIs(t, err, full)
	_, err = greenhouse.Messages(nil).Write([]byte("no JSON\n"))
	assert.ErrorContains(t, err, "no message")

	cfg, done := settings(map[string]any{"streams": []string{"jobs", "users"}})
	defer done()
	account := greenhouse.Open(cfg, greenhouse.Options{})
	defer account.Close()
	run, err := account.Prepare(t.Context(), greenhouse.Read{})
	require.NoError(t, err)
	result, err := run.Do(t.Context(), greenhouse.Messages(func(greenhouse.Message) error { return full }))
	require.ErrorIs(t, err, full)
	assert.Equal(t, greenhouse.ExitIncomplete, result.ExitCode)
}
