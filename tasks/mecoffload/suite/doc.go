// Package suite compares the methods of mecoffload with each other, with policies that do not learn
// and with upper bounds, over many scenarios and seeds.
//
// # A minimal run
//
//	s, err := suite.New("quick", suite.Options{})
//	store, err := suite.OpenStore("results/cells")
//	err = suite.Compute(ctx, s.Cells, store, suite.ComputeOptions{})
//	results, err := store.LoadAll(s.Cells)
//	comparison, err := suite.Compare(s, results)
//
// Package suite/report turns a [Comparison] into tables, figures and a page.
//
// # Cells
//
// A comparison is a list of cells. A [Cell] is the smallest piece of work with a meaningful result:
// one method trained with one recipe in one scenario with one seed, the policies that do not learn
// in one scenario with one seed, or the upper bounds of one scenario. A cell fully determines its
// result. So results can be stored under the cell's [Cell.Key] for as long as the [Format] stays,
// and cells can be computed in any order, in parallel, on any number of machines, with
// interruptions.
//
// # Method of comparison
//
//   - Every policy meets the same tasks: scenario and seed alone determine the simulator's stream.
//   - A method learns from the first slot to the last; its figures are averages over the last
//     quarter. Policies that do not learn are measured on the same quarter.
//   - The seeds are 1, 2, 3, ...; recipes were chosen on seeds from 1001 (suite tune), which no
//     comparison uses.
//   - Means have 95 % bootstrap intervals over the seeds. Differences are paired by seed, that is,
//     by stream. Figures over all scenarios are interquartile means with stratified intervals
//     (Agarwal et al., NeurIPS 2021).
//   - Tables are independent of the machine, except the separate table of decision times. Equal
//     cells give equal tables on processors with the same vector instructions. AVX-512, AVX2 and
//     plain code round sums differently, so learning takes different paths.
package suite
