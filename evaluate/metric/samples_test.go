package metric

import (
	"errors"
	"iter"
	"reflect"
	"strings"
	"testing"
)

func file(name, text string) Lines {
	return Lines{Name: name, Seq: func(yield func(string, error) bool) {
		if text == "" {
			return
		}
		for _, line := range strings.Split(text, "\n") {
			if !yield(line, nil) {
				return
			}
		}
	}}
}

func TestZip(t *testing.T) {
	t.Parallel()
	var empty EmptyLines
	var got []Sample
	for s, err := range Zip(file("h", "a\n \nc"), []Lines{file("r1", "x\ny\nz"), file("r2", "1\n\n3")}, empty.Add) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s)
	}
	want := []Sample{{Hypothesis: "a", References: []string{"x", "1"}}, {Hypothesis: " ", References: []string{"y", ""}}, {Hypothesis: "c", References: []string{"z", "3"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if w := empty.Warnings(); !reflect.DeepEqual(w, []string{"h, line 2 is empty; it is scored as an empty text", "r2, line 2 is empty; it is scored as an empty text"}) {
		t.Errorf("%q", w)
	}
	for range Zip(file("h", "a\nb"), []Lines{file("r", "a\nb")}, nil) {
		break // the pulled streams are stopped
	}
}

func TestZipFaults(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	broken := Lines{Name: "b", Seq: func(yield func(string, error) bool) { _ = yield("a", nil) && yield("", boom) }}
	for _, c := range []struct {
		samples Samples
		want    string
	}{
		{Zip(file("h", "a\nb\nc"), []Lines{file("r", "x")}, nil), "h has 3 lines and r has 1"},
		{Zip(file("h", "a"), []Lines{file("r", "x"), file("q", "1\n2\n3\n4")}, nil), "h has 1 lines and q has 4"},
		{Zip(file("h", ""), []Lines{file("r", "x\ny")}, nil), "h has 0 lines and r has 2"},
		{Zip(broken, []Lines{file("r", "x\ny")}, nil), "boom"},
		{Zip(file("h", "a"), []Lines{broken}, nil), "boom"},
	} {
		if err := last(c.samples); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
		b := mustBLEU(t, BLEUOptions{})
		if _, err := b.Report(t.Context(), c.samples, nil); err == nil {
			t.Error("a fault was scored")
		}
	}
}

func last(s Samples) (err error) {
	for _, e := range iter.Seq2[Sample, error](s) {
		err = e
	}
	return err
}

func TestManyEmptyLines(t *testing.T) {
	t.Parallel()
	var e EmptyLines
	if e.Warnings() != nil {
		t.Error("warnings of nothing")
	}
	for i := range 12 {
		e.Add("f", i+1)
	}
	w := e.Warnings()
	if len(w) != maxNamedLines+1 || w[maxNamedLines] != "f has 7 more empty lines" {
		t.Errorf("%q", w)
	}
}

func TestBlank(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"": true, " \t\n\u00a0\u3000\u001f": true, "\u200b": false, " a": false} {
		if IsBlank(text) != want {
			t.Errorf("IsBlank(%q) = %t", text, !want)
		}
	}
}
