// Package version says which release a program is of.
package version

// stamped is set where images are built: -ldflags "-X github.com/store-platform/store-platform/pkg/version.stamped=0.1.0".
var stamped = "devel"

// String is the release's number, or "devel" for a program that nobody has given one.
func String() string { return stamped }
