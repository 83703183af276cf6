// Package classification scores predicted classes and probabilities against the
// true classes: accuracy, precision, recall and F, ROC and precision-recall
// curves with their areas, Matthews' correlation, Cohen's kappa, Brier score,
// log loss and calibration.
//
// Key words: class, matrix, tally, ranking, curve.
//
// The usual path is: Read the files of labels, predictions and scores into a
// Data, then Evaluate it into a Report, a plain value with an interval beside
// every headline figure. The parts can be used alone: a Matrix holds true
// against predicted classes, a Tally is what precision and recall are made of,
// a Ranking holds binary outcomes by falling score.
//
// Every figure equals scikit-learn 1.9.1's, degenerate cases included, but for
// those that scikit-learn leaves to a convention: a Report says null, with a
// warning that names the class, where a figure is not defined. Figures that are
// not defined are NaN in Go. Errors are *stylesprint.Error values that name the
// file and the line. Functions are pure; values may be shared for reading.
package classification
