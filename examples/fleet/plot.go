package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"gonum.org/v1/plot"
)

// writeTo writes a picture to a file.
func writeTo(file string, picture io.WriterTo) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = picture.WriteTo(f)
	return errors.Join(err, f.Close())
}

// everySixHours marks an axis of hours.
func everySixHours(_, most float64) []plot.Tick {
	var ticks []plot.Tick
	for h := 0.0; h <= most+1; h += 6 {
		ticks = append(ticks, plot.Tick{Value: h, Label: fmt.Sprint(h)})
	}
	return ticks
}
