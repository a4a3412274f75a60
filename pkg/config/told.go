package config

import (
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// What a setting's tag `told` says of it in the log. One without the tag is covered, unless it is a number or a switch: who
// adds a setting decides that it may be read, and not that it mayn't.
const (
	toldWhole = "whole"
	// toldURL: without what URLs hide secrets in.
	toldURL = "url"
	// That a setting is never told is said by "never", which is what no tag means too: that somebody has decided it.
)

// covered stands for what is set and not told.
const covered = "***"

// Tell writes to the log by which settings, a pointer to a struct with kong tags, a service goes: in one line, by their
// variables, those that differ from what the program does by itself before the others, whose defaults change with releases.
// Services call it once, when their log is there.
func Tell(settings any) {
	parser, err := kong.New(settings)
	if err != nil {
		slog.Error("settings can't be told", "error", err) // Main has read them by the same tags
		return
	}
	var set, unset []any
	for _, flag := range parser.Model.Flags {
		if len(flag.Envs) == 0 {
			continue
		}
		told := slog.Any(flag.Envs[0], toldOf(flag, flag.Target))
		switch {
		case !isDefault(flag):
			set = append(set, told)
		case !flag.Hidden:
			unset = append(unset, told)
		}
	}
	slog.Info("settings", slog.Group("set", set...), slog.Group("default", unset...))
}

// toldOf is what may be known of a setting's value.
func toldOf(flag *kong.Flag, value reflect.Value) any {
	switch value.Kind() {
	case reflect.Slice:
		all := make([]any, value.Len())
		for i := range all {
			all[i] = toldOf(flag, value.Index(i))
		}
		return all
	case reflect.Bool, reflect.Int, reflect.Float64:
		return value.Interface()
	case reflect.Int64: // a time.Duration: as a number nobody could read it
		return fmt.Sprint(value.Interface())
	}
	text := fmt.Sprint(value.Interface())
	switch how := flag.Tag.Get("told"); {
	case text == "" || how == toldWhole:
		return text
	case how == toldURL:
		return Cover(text)
	}
	return covered
}

// isDefault tells whether the program would do the same without the setting.
func isDefault(flag *kong.Flag) bool {
	without := reflect.New(flag.Target.Type()).Elem()
	if flag.HasDefault {
		if err := flag.Parse(kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: flag.Default}), without); err != nil {
			return false
		}
	}
	if without.Kind() == reflect.Slice && without.Len() == 0 {
		return flag.Target.Len() == 0
	}
	return reflect.DeepEqual(without.Interface(), flag.Target.Interface())
}

// Cover is a URL, or several with commas between them, as it may be told: without the user and its password, and without query
// and fragment, which hold keys. What isn't plainly a URL is covered whole, since it may be a password with a sign in it that
// ends a URL's host.
func Cover(text string) string {
	if first, rest, several := strings.Cut(text, ","); several && strings.Contains(rest, "://") {
		return coverOne(first) + "," + Cover(rest)
	}
	return coverOne(text)
}

func coverOne(text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme == "" || !strings.Contains(text, "://") || u.Opaque != "" {
		return covered
	}
	told := u.Scheme + "://"
	if u.User != nil {
		told += covered + "@"
	}
	told += u.Host + u.EscapedPath()
	if u.ForceQuery || u.RawQuery != "" || u.Fragment != "" {
		told += "?" + covered
	}
	if strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") {
		return covered
	}
	return told
}

// CoverWrong is what stands where a URL should, as an error may say it: who sees only stars doesn't find the mistake, and what is
// wrong with a URL that has a secret in it is seldom the secret.
func CoverWrong(text string) string {
	if strings.ContainsAny(text, "@?#") {
		return Cover(text)
	}
	return text
}
