package pipe

import "time"

// MaxLine is the longest line in tests.
const MaxLine = 1 << 20

func init() { linger, maxLine = time.Second, MaxLine }
