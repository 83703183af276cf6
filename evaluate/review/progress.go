package review

import "context"

// Progress is how far a task is. It tells nothing of what was answered.
type Progress struct {
	Task     Task            `json:"task"` // sealed while it is open
	Votes    int             `json:"votes"`
	Wanted   int             `json:"wanted"` // pairs times raters
	Full     int             `json:"full"`   // pairs that have all their votes
	Raters   []RaterProgress `json:"raters"`
	Models   []string        `json:"models,omitempty"`   // judges that are models
	Verdicts int             `json:"verdicts,omitempty"` // answers of those
}

// RaterProgress is how far a rater is.
type RaterProgress struct {
	Rater   Rater `json:"rater"`
	Votes   int   `json:"votes"`
	Repeats int   `json:"repeats"`
}

// Progress reports on a task.
func (d *Desk) Progress(ctx context.Context, taskID string) (Progress, error) {
	book, err := d.Store.ReviewBook(ctx, taskID)
	if err != nil {
		return Progress{}, err
	}
	p := Progress{Task: book.Task.sealed(), Wanted: book.Task.Pairs * book.Task.Raters, Raters: []RaterProgress{}}
	at := map[string]int{}
	for _, r := range book.Raters {
		if r.Model {
			p.Models = append(p.Models, r.Name)
			continue
		}
		at[r.ID] = len(p.Raters)
		p.Raters = append(p.Raters, RaterProgress{Rater: r})
	}
	each := map[int]int{}
	for _, v := range standing(book.Votes) {
		i, known := at[v.Rater]
		switch {
		case v.Model:
			p.Verdicts++
		case v.Repeat && known:
			p.Raters[i].Repeats++
		case !v.Repeat:
			p.Votes++
			if each[v.Pair]++; each[v.Pair] == book.Task.Raters {
				p.Full++
			}
			if known {
				p.Raters[i].Votes++
			}
		}
	}
	return p, nil
}
