package review

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Row is a vote as it is exported, with the key opened.
type Row struct {
	TaskID     string    `json:"task_id"`
	VoteID     int64     `json:"vote_id"`
	Kind       string    `json:"kind"` // "human" or "model"
	Rater      string    `json:"rater"`
	ItemID     string    `json:"item_id"`
	Hash       string    `json:"content_hash"`
	Left       string    `json:"left"`   // the candidate on the left
	Right      string    `json:"right"`  // and on the right
	Answer     string    `json:"answer"` // "left", "right", "tie", "both_bad"
	Winner     string    `json:"winner,omitempty"`
	Repeat     bool      `json:"repeat,omitempty"`
	Withdrawn  bool      `json:"withdrawn,omitempty"`
	From       string    `json:"from,omitempty"` // the earlier task
	LeftMarks  Marks     `json:"left_marks"`
	RightMarks Marks     `json:"right_marks"`
	Comment    string    `json:"comment,omitempty"`
	Time       time.Time `json:"time"`
}

// Rows calls yield for each vote of a closed task, withdrawn ones included, in the order in which they were cast.
func (d *Desk) Rows(ctx context.Context, taskID string, yield func(Row) error) error {
	a, err := d.open(ctx, taskID)
	if err != nil {
		return err
	}
	gone := map[int64]bool{}
	for _, v := range a.book.Votes {
		gone[v.Withdraws] = true
	}
	for _, v := range a.book.Votes {
		if v.Withdraws != 0 {
			continue
		}
		if err := yield(a.row(v, gone[v.ID])); err != nil {
			return err
		}
	}
	return nil
}

func (a *analysis) row(v Vote, withdrawn bool) Row {
	p := a.pair(v.Pair)
	names := a.book.Task.Candidates
	r := Row{TaskID: v.TaskID, VoteID: v.ID, Kind: "human", Rater: a.labels[v.Rater], ItemID: p.Item.ID, Hash: v.Hash, Left: names[p.FirstOf].Name, Right: names[p.SecondOf].Name,
		Repeat: v.Repeat, Withdrawn: withdrawn, From: v.From, LeftMarks: v.FirstMarks, RightMarks: v.SecondMarks, Comment: v.Comment, Time: v.Time}
	if v.Model {
		r.Kind = "model"
	}
	if r.Rater == "" { // a rater whose every vote was withdrawn
		r.Rater = v.Rater
	}
	if !v.FirstLeft {
		r.Left, r.Right, r.LeftMarks, r.RightMarks = r.Right, r.Left, r.RightMarks, r.LeftMarks
	}
	r.Answer = map[Answer]string{AnswerA: "left", AnswerB: "right", AnswerTie: "tie", AnswerBad: "both_bad"}[v.ballot().Answer]
	switch v.Choice {
	case First:
		r.Winner = names[p.FirstOf].Name
	case Second:
		r.Winner = names[p.SecondOf].Name
	}
	return r
}

// WriteJSONL writes the votes of a closed task, one object a line.
func (d *Desk) WriteJSONL(ctx context.Context, w io.Writer, taskID string) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return d.Rows(ctx, taskID, func(r Row) error { return e.Encode(r) })
}

// WriteCSV writes the votes of a closed task as a table with a header.
func (d *Desk) WriteCSV(ctx context.Context, w io.Writer, taskID string) error {
	c := csv.NewWriter(w)
	if err := c.Write([]string{"task_id", "vote_id", "kind", "rater", "item_id", "content_hash", "left", "right", "answer", "winner", "repeat", "withdrawn", "from",
		"left_accuracy", "left_brand_voice", "left_inclusiveness", "right_accuracy", "right_brand_voice", "right_inclusiveness", "comment", "time"}); err != nil {
		return fmt.Errorf("write votes: %w", err)
	}
	err := d.Rows(ctx, taskID, func(r Row) error {
		line := []string{r.TaskID, strconv.FormatInt(r.VoteID, 10), r.Kind, r.Rater, r.ItemID, r.Hash, r.Left, r.Right, r.Answer, r.Winner, strconv.FormatBool(r.Repeat), strconv.FormatBool(r.Withdrawn), r.From}
		for _, m := range []Marks{r.LeftMarks, r.RightMarks} {
			for _, c := range Criteria() {
				line = append(line, mark(c.Mark(m)))
			}
		}
		return c.Write(append(line, plain(r.Comment), r.Time.Format(time.RFC3339)))
	})
	if err != nil {
		return err
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("write votes: %w", err)
	}
	return nil
}

func mark(v int) string {
	if v == 0 {
		return ""
	}
	return strconv.Itoa(v)
}

// plain keeps a spreadsheet from taking what a rater wrote for a formula.
func plain(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@') {
		return "'" + s
	}
	return s
}
