// Package datasets reads the public graphs on which graph networks are compared, and generates
// random ones.
//
//   - [ReadPlanetoid] reads a folder of the citation graphs Cora, Citeseer and Pubmed as their
//     authors published it and as PyG keeps it in raw/: the task is to classify vertices of one
//     graph ([NodeClassification]).
//   - [ReadTU] reads the text files of K. Xu et al., "How powerful are graph neural networks?"
//     (ICLR 2019), with the TU collection's graphs: the task is to classify whole graphs
//     ([GraphClassification]), judged by [StratifiedKFold].
//   - [KarateClub] is Zachary's karate club, built in.
//   - [ErdosRenyi], [BarabasiAlbert] and [StochasticBlock] draw random graphs from a given source.
//
// Nothing is downloaded: the readers take existing files. Planetoid's files are Python pickles, a
// format whose loader runs code that the file names. Here nothing runs: only the few opcodes that
// arrays and dictionaries need are allowed, and names other than NumPy's and SciPy's containers are
// an error.
package datasets
