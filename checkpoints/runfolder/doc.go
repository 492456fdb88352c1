// Package runfolder keeps training runs in folders, so that a run can be stopped at any moment,
// resumed, made longer and evaluated later, whatever it trains.
//
// A task describes its runs by a [Task]: how a configuration is read and written, and how a [Run]
// is made of one. This package does the rest:
//
//	runs/grle-dynamic-m14-seed1/
//	  config.yaml           all settings; the checkpoints have them too
//	  metrics.jsonl         one JSON object per report interval, see [Log]
//	  checkpoint/latest/    the state to go on from
//	  checkpoint/best/      the state with the highest score of those at multiples of the checkpoint interval
//	  timing/               wall-clock times so far, which no result depends on
//	  .lock, .lock.json     held while a process works in the folder, see [Acquire]
//
// Equal runs leave equal files, byte for byte, in config.yaml, metrics.jsonl and checkpoint/. Times
// differ from run to run and have a place of their own.
//
// # What is promised
//
// One process works in a folder at a time; a second is refused by a [HeldError]. A process that is
// killed, a full disk or a power cut at any moment costs the steps since the last checkpoint and
// nothing else. [Resume] never starts over silently: without the latest checkpoint it fails with a
// [CheckpointError], which says whether the best one is whole. A damaged log of metrics does not
// stop a run; it is repaired with a warning and the damaged file kept. A run that was made longer
// ends bit for bit like one that had that length from the start.
package runfolder
