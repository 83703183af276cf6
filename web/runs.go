package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"stylesprint/evaluate"
	"stylesprint/web/report"
	"stylesprint/web/show"
)

// pageRuns is how many runs a page lists.
const pageRuns = 50

type runsBody struct {
	Runs  []runLine
	Older string // the query of the next page; empty at the end
	Newer bool   // this is not the first page
}

// runLine is a run as lists show it.
type runLine struct {
	evaluate.Run
	State    string // "done", "under way", ...
	Class    string // "harm" for failures
	Live     bool
	Progress progress
	Figures  []string // at most two scores that are judged, in words
}

func newRunLine(r evaluate.Run, now time.Time) runLine {
	l := runLine{Run: r, State: state(r.Status), Live: r.Status == evaluate.StatusRunning, Progress: progressOf(r, now)}
	if r.Status == evaluate.StatusFailed {
		l.Class = "harm"
	}
	for _, s := range r.Scores {
		f := show.Score(s)
		if !f.Missing && len(l.Figures) < 2 && !strings.HasSuffix(s.Metric, "-mean") && !strings.HasPrefix(s.Metric, "length") {
			l.Figures = append(l.Figures, show.Metric(s.Metric)+" "+f.Value)
		}
	}
	return l
}

func state(s evaluate.Status) string {
	if s == evaluate.StatusRunning {
		return "under way"
	}
	return string(s)
}

// Comparable says whether the run may be set beside others.
func (l runLine) Comparable() bool { return l.Status == evaluate.StatusDone }

// progress is how far a run is.
type progress struct {
	ID     string `json:"id"`
	Done   int    `json:"done"`
	Total  int    `json:"total"`
	Failed int    `json:"failed"`
	Status string `json:"status"`
	Words  string `json:"words"` // "13 of 24, 0.4 a second, 28 s left"
}

func progressOf(r evaluate.Run, now time.Time) progress {
	p := progress{ID: r.ID, Done: r.Done, Total: r.Total, Failed: r.Failed, Status: state(r.Status)}
	p.Words = show.Count(r.Done) + " of " + show.Count(r.Total)
	if r.Failed > 0 {
		p.Words += fmt.Sprintf(", %s failed", show.Count(r.Failed))
	}
	spent := now.Sub(r.Created).Seconds()
	if r.Status != evaluate.StatusRunning || r.Done == 0 || spent <= 0 {
		return p
	}
	return p.at(float64(r.Done) / spent)
}

// at adds the rate, in outputs a second, and the time that is left at it.
func (p progress) at(rate float64) progress {
	if rate <= 0 {
		return p
	}
	words := fmt.Sprintf("%.1f a second", rate)
	if rate < .95 {
		words = fmt.Sprintf("%.1f a minute", rate*60)
	}
	left := time.Duration(min(float64(p.Total-p.Done)/rate, 1e8) * float64(time.Second))
	p.Words += ", " + words + ", about " + show.Left(left) + " left"
	return p
}

func (s *site) runs(w http.ResponseWriter, r *http.Request) error {
	before := r.URL.Query().Get("before")
	runs, err := s.o.Runs.Runs(r.Context(), evaluate.Filter{Limit: pageRuns + 1, Before: before})
	if err != nil {
		return err
	}
	b := runsBody{Newer: before != ""}
	if len(runs) > pageRuns {
		runs = runs[:pageRuns]
		b.Older = runs[pageRuns-1].ID
	}
	going, failed := 0, 0
	for _, x := range runs {
		b.Runs = append(b.Runs, newRunLine(x, s.o.Now()))
		switch x.Status {
		case evaluate.StatusRunning:
			going++
		case evaluate.StatusFailed, evaluate.StatusInterrupted:
			failed++
		}
	}
	return s.render(w, "runs", page{Here: "runs", Title: runsTitle(b, going, failed), Document: "Runs", Body: b})
}

func runsTitle(b runsBody, going, failed int) string {
	if len(b.Runs) == 0 {
		if b.Newer {
			return "There are no older runs"
		}
		return "Nothing has been evaluated yet"
	}
	title := number(len(b.Runs), "run")
	if b.Newer {
		title = number(len(b.Runs), "older run")
	} else if b.Older != "" {
		title = "The newest " + title
	}
	switch going {
	case 0:
		title += ", none under way"
	default:
		title += ", " + numeral(going) + " under way"
	}
	if failed > 0 {
		title += ", " + numeral(failed) + " not finished"
	}
	return show.Sentence(title)
}

// Parameters of a run, in words.
func (l runLine) Parameters() []string { return report.Params(l.Run) }
