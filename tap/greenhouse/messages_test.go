package greenhouse_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

// However the bytes are split into writes, each message arrives once, in order.
func FuzzMessages(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed, uint8(seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64, n uint8) {
		random := rand.New(rand.NewPCG(seed, 0))
		var text []byte
		for i := range n {
			text = fmt.Appendf(text, `{"type":"RECORD","stream":"s%d","record":{"id":%d}}`+"\n", i,
				i)
		}
		var got []greenhouse.Message
		w := greenhouse.Messages(func(m greenhouse.Message) error {
			got = append(got, m)
			return nil
		})
		for len(text) > 0 {
			k := 1 + random.IntN(min(len(text), 200))
			written, err := w.Write(text[:k])
			require.NoError(t, err)
			require.Equal(t, k, written)
			text = text[k:]
		}
		require.Len(t, got, int(n))
		for i, m := range got {
			require.Equal(t, fmt.Sprintf(`s%d {"id":%d}`, i, i), m.Stream+" "+string(m.Record))
		}
	})
}

func TestCallbackErrorEndsTheRun(t *testing.T) {
	full := errors.New("the table is full")
	w := greenhouse.Messages(func(greenhouse.Message) error { return full })
	_, err := w.Write([]byte(`{"type":"STATE"}` + "\n"))
	require.ErrorIs(t, err, full)
	_, err = greenhouse.Messages(nil).Write([]byte("no JSON\n"))
	assert.ErrorContains(t, err, "not a message")

	cfg, done := settings(map[string]any{"streams": []string{"jobs", "users"}})
	defer done()
	account := greenhouse.Open(cfg, greenhouse.Options{})
	defer account.Close()
	run, err := account.Prepare(t.Context(), greenhouse.Read{})
	require.NoError(t, err)
	result, err := run.Do(t.Context(),
		greenhouse.Messages(func(greenhouse.Message) error { return full }))
	require.ErrorIs(t, err, full)
	assert.Equal(t, greenhouse.ExitIncomplete, result.ExitCode)
}
