package config

// MaxInputBytes is the maximum size of an input in tests.
const MaxInputBytes = 1 << 20

func init() { maxInputBytes = MaxInputBytes }
