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
//   - [ErdosRenyi], [BarabasiAlbert] and [StochasticBlock] draw random graphs from a source given
//     to them.
//
// Nothing is downloaded: the readers take files that are there. Planetoid's files are Python
// pickles, a format whose loader runs code the file names. Here nothing runs: opcodes are checked
// against the few that arrays and dictionaries need, and names other than NumPy's and SciPy's
// containers are an error.
package datasets
