package harvest

import (
	"strings"
	"sync"
)

// secrets are strings that must not appear in a log or an error, wherever they came from.
type secrets struct {
	mu    sync.Mutex
	texts []string
}

func (s *secrets) add(texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range texts {
		if len(t) >= 4 {
			s.texts = append(s.texts, t)
		}
	}
	if n := len(s.texts); n > 100 {
		// the credential's own, and the latest tokens
		s.texts = append(s.texts[:4:4], s.texts[n-50:]...)
	}
}

func (s *secrets) clean(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.texts {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}
