package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// keys encrypt configs. The first one seals, and all of them open: that is how a key is replaced.
type keys []key

type key struct {
	id     string // stands before what it seals
	secret []byte
	aead   cipher.AEAD
}

// parseKeys reads FLEET_KEY: keys of 64 hexadecimal digits, the newest first, with commas between.
func parseKeys(text string) (keys, error) {
	var all keys
	for word := range strings.SplitSeq(text, ",") {
		raw, err := hex.DecodeString(strings.TrimSpace(word))
		if err != nil || len(raw) != 32 {
			return nil, errors.New("FLEET_KEY has to be 64 hexadecimal digits; openssl rand -hex 32 makes one")
		}
		block, err := aes.NewCipher(raw)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(raw)
		all = append(all, key{hex.EncodeToString(sum[:4]), raw, aead})
	}
	return all, nil
}

// seal encrypts a config for one account: in another row, it cannot be opened.
func (k keys) seal(name string, config []byte) string {
	nonce := make([]byte, k[0].aead.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	return k[0].id + ":" +
		hex.EncodeToString(k[0].aead.Seal(nonce, nonce, config, []byte(name)))
}

// unseal opens a config. fresh reports whether it was sealed with the first key.
func (k keys) unseal(name, sealed string) (config []byte, fresh bool, err error) {
	id, text, versioned := strings.Cut(sealed, ":")
	if !versioned {
		id, text = "", sealed
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) < k[0].aead.NonceSize() {
		return nil, false, fmt.Errorf("account %s: its config is damaged", name)
	}
	for i, key := range k {
		if versioned && key.id != id {
			continue
		}
		n := key.aead.NonceSize()
		if config, err := key.aead.Open(nil, raw[:n], raw[n:], []byte(name)); err == nil {
			return config, i == 0 && versioned, nil
		}
	}
	return nil, false, fmt.Errorf("account %s: its config cannot be opened with this FLEET_KEY", name)
}

// fingerprint tells credentials apart without showing them.
func (k keys) fingerprint(credential string) string {
	mac := hmac.New(sha256.New, k[len(k)-1].secret) // the oldest, so that a new key changes nothing
	mac.Write([]byte(credential))
	return hex.EncodeToString(mac.Sum(nil)[:12])
}
