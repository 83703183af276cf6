package kernel

const haveAssembly = true

// hasF16C tells whether the CPU converts half-precision floats.
func hasF16C() bool

// pause tells the CPU that this is a waiting loop.
func pause()
