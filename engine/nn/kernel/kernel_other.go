//go:build !amd64

package kernel

import "runtime"

const haveAssembly = false

func hasF16C() bool { return false }

func pause() { runtime.Gosched() }
