package alarm_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"stylesprint/internal/alarm"
)

// rung is when an alarm rang, after the test's start.
type rung struct {
	begun time.Time
	at    atomic.Int64
	times atomic.Int64
}

func (r *rung) ring() {
	r.at.Store(int64(time.Since(r.begun)))
	r.times.Add(1)
}

func TestAlarmRings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		do   func(a *alarm.Alarm)
		d    time.Duration // at the start
		want time.Duration // 0: never
	}{
		{"in time", func(*alarm.Alarm) {}, 10 * time.Second, 10 * time.Second},
		{"at the bound of exact ones", func(*alarm.Alarm) {}, alarm.Exact, alarm.Exact},
		{"exact", func(*alarm.Alarm) {}, 20 * time.Millisecond, 20 * time.Millisecond},
		{"at once", func(*alarm.Alarm) {}, -time.Second, 1},
		{"held", func(a *alarm.Alarm) { a.Hold() }, 10 * time.Second, 0},
		{"exact, held", func(a *alarm.Alarm) { a.Hold() }, 500 * time.Millisecond, 0},
		{"held and set", func(a *alarm.Alarm) { a.Hold(); time.Sleep(20 * time.Second); a.Set(5 * time.Second) }, 10 * time.Second, 25 * time.Second},
		{"moved on", func(a *alarm.Alarm) { time.Sleep(9 * time.Second); a.Set(10 * time.Second) }, 10 * time.Second, 19 * time.Second},
		{"moved nearer", func(a *alarm.Alarm) { time.Sleep(time.Second); a.Set(time.Second) }, time.Hour, 2 * time.Second},
		{"made exact", func(a *alarm.Alarm) { time.Sleep(time.Second); a.Set(7 * time.Millisecond) }, time.Hour, 1007 * time.Millisecond},
		{"exact, moved on", func(a *alarm.Alarm) { time.Sleep(300 * time.Millisecond); a.Set(400 * time.Millisecond) }, 350 * time.Millisecond, 700 * time.Millisecond},
		{"exact, moved far", func(a *alarm.Alarm) { a.Set(3 * time.Second) }, 350 * time.Millisecond, 3 * time.Second},
		{"stopped", func(a *alarm.Alarm) { a.Stop() }, 10 * time.Second, 0},
		{"exact, stopped", func(a *alarm.Alarm) { a.Stop() }, 100 * time.Millisecond, 0},
		{"stopped and set", func(a *alarm.Alarm) { a.Stop(); a.Set(time.Second); a.Set(time.Millisecond) }, 10 * time.Second, 0},
		{"rung and set", func(a *alarm.Alarm) { time.Sleep(5 * time.Second); a.Set(time.Second); a.Set(time.Millisecond) }, time.Second, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var clock alarm.Clock
				r := &rung{begun: time.Now()}
				a := clock.Start(c.d, r.ring)
				c.do(a)
				time.Sleep(time.Minute)
				got, times := time.Duration(r.at.Load()), r.times.Load()
				if c.want == 0 && times != 0 || c.want != 0 && times != 1 {
					t.Fatalf("rang %d times", times)
				}
				if c.want != 0 && (got < c.want-1 || got > c.want+alarm.Late) {
					t.Errorf("rang after %s, want %s", got, c.want)
				}
				a.Stop() // may be called again
			})
		})
	}
}

// Many alarms, stopped in any order, ring or not each for itself; the clock starts to look again
// after a rest.
func TestManyAlarms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var clock alarm.Clock
		for range 2 {
			const n = 300
			all := make([]rung, n)
			var wg sync.WaitGroup
			for i := range all {
				wg.Go(func() {
					all[i].begun = time.Now()
					a := clock.Start(time.Duration(1+i%3)*time.Second, all[i].ring)
					if i%2 == 0 {
						a.Stop()
					}
				})
			}
			wg.Wait()
			time.Sleep(10 * time.Minute)
			for i := range all {
				if got := all[i].times.Load(); got != int64(i%2) {
					t.Errorf("alarm %d rang %d times", i, got)
				}
			}
		}
	})
}

// An alarm that is set, held and stopped costs one allocation, which is itself.
func TestAlarmAllocates(t *testing.T) {
	var clock alarm.Clock
	ring := func() {}
	clock.Start(time.Hour, ring)
	if n := testing.AllocsPerRun(100, func() {
		a := clock.Start(time.Minute, ring)
		a.Hold()
		a.Set(time.Minute)
		a.Stop()
	}); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func Example() {
	var clock alarm.Clock
	rang := make(chan struct{})
	a := clock.Start(time.Millisecond, func() { close(rang) })
	defer a.Stop()
	<-rang
	fmt.Println("too long")
	// Output: too long
}

func BenchmarkAlarm(b *testing.B) {
	ring := func() {}
	b.Run("alarm", func(b *testing.B) {
		var clock alarm.Clock
		for b.Loop() {
			a := clock.Start(time.Minute, ring)
			a.Hold()
			a.Set(time.Minute)
			a.Stop()
		}
	})
	b.Run("timer", func(b *testing.B) {
		for b.Loop() {
			a := time.AfterFunc(time.Minute, ring)
			a.Stop()
			a.Reset(time.Minute)
			a.Stop()
		}
	})
}
