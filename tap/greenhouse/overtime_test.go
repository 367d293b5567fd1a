package greenhouse

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reader takes some time for each write, or never returns from it.
type reader struct {
	bytes.Buffer
	each time.Duration
	stop chan struct{}
	err  error
}

func (r *reader) Write(p []byte) (int, error) {
	if r.stop != nil {
		<-r.stop
	}
	time.Sleep(r.each)
	n, _ := r.Buffer.Write(p)
	return n, r.err
}

// A loader that does not read is waited for until max_run_time has passed, and then not for long;
// a slow one is.
func TestLoadersThatDoNotReadEndARunWithMaxRunTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		slow := &reader{each: writeGrace - time.Second}
		w := newOvertimeWriter(slow, time.Minute)
		for range 20 {
			n, err := w.Write([]byte("line\n"))
			require.NoError(t, err)
			assert.Equal(t, 5, n)
		}
		assert.Greater(t, time.Since(began), time.Minute+writeGrace)
		assert.Equal(t, 100, slow.Len())

		slow.err = errors.New("no space left")
		_, err := w.Write([]byte("line\n"))
		assert.Equal(t, slow.err, err)
	})
	for wait, want := range map[time.Duration]time.Duration{
		0: time.Minute + writeGrace, 2 * time.Minute: 2*time.Minute + writeGrace,
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			stuck := &reader{stop: make(chan struct{})}
			w := newOvertimeWriter(stuck, time.Minute)
			time.Sleep(wait)
			_, err := w.Write([]byte("line\n"))
			assert.Equal(t, errStuck, err)
			assert.Equal(t, ExitIncomplete, ExitCode(err, true))
			assert.Equal(t, want, time.Since(began))
			close(stuck.stop)
		})
	}
}
