// Package gate holds a comparison against rules and says, rule by rule, whether
// each candidate meets them: the last step before a release, in CI or by hand.
//
// Key words: rule, guard, limit, check.
//
// There are four kinds of rule. Regression has two guards: it is not met where a
// candidate is significantly worse than the baseline and loses more than the
// size that matters; either alone is not enough. Hard limits the number of
// outputs with something that must not happen at all. Min and Max bound a
// metric, a cost or a latency. A figure that was not measured does not meet a
// rule, unless the rule is optional.
//
// The usual path is: Read the rules of a file or take Default, then Evaluate
// them over a compare.Comparison. Faults in a file are all told, each with its
// line. Values are plain and functions pure.
package gate
