// Package suite compares the methods of mecoffload with one another, with policies that do not
// learn and with what is possible, over many scenarios and seeds.
//
// # Cells
//
// A comparison is a list of cells. A [Cell] is the smallest piece of work whose result means
// something alone: one method trained with one recipe in one scenario with one seed, the policies
// that do not learn in one scenario with one seed, or the upper bounds of one scenario. All that a
// cell's result follows from stands in it, so equal cells have equal results, a result can be kept
// under the cell's [Cell.Key] for as long as the [Format] of results stays, and cells can be
// computed in any order, at the same time, on any number of machines, interrupted and continued.
//
//	s, err := suite.New("paper", suite.Options{})
//	store, err := suite.OpenStore("results/cells")
//	err = suite.Compute(ctx, s.Cells, store, suite.ComputeOptions{})
//	results, err := store.LoadAll(s.Cells)
//	comparison, err := suite.Compare(s, results)
//
// Package suite/report turns a [Comparison] into tables, figures and a page.
//
// # What is compared, and how
//
//   - Every policy meets the same tasks: the simulator's stream follows from scenario and seed
//     alone.
//   - A method learns from the first slot to the last, and its figures are averages over the last
//     quarter of the slots. Policies that do not learn are measured on the same quarter.
//   - The seeds are 1, 2, 3, ...; recipes were chosen on seeds from 1001 (suite tune), which no
//     comparison uses.
//   - Means have 95 % bootstrap intervals over the seeds. Differences are paired by seed, that is,
//     by stream. Figures over all scenarios are interquartile means with stratified intervals
//     (Agarwal et al., NeurIPS 2021).
//   - Nothing that depends on the machine is in a table but the times that decisions took, which
//     stand in a table of their own. Equal cells give equal tables on processors with the same
//     vector instructions; between AVX-512, AVX2 and plain code sums are rounded differently, so
//     learning goes other ways.
package suite
