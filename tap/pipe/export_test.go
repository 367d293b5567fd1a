package pipe

import "time"

func init() { linger = time.Second }
