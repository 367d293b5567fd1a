package config

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"
)

// bom is the byte order mark that some editors put before UTF-8.
var bom = []byte("\xef\xbb\xbf")

// plain returns a text in UTF-8 without a byte order mark. Windows PowerShell writes UTF-16.
func plain(data []byte) ([]byte, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return bytes.TrimPrefix(data, bom), nil
	}
	data = data[2:]
	if len(data)%2 != 0 {
		return nil, errors.New("it is UTF-16 that ends within a character: save it as UTF-8")
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return []byte(string(utf16.Decode(units))), nil
}
