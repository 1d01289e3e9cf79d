/* libelman: recurrent neural networks (Elman RNN, LSTM, GRU) in C. This header includes the others;
 * each of them is the manual of its part.
 *
 *     context.h   memory, threads, log          stream.h    one step at a time
 *     model.h     layers and weights            train.h     optimisers, runs, checkpoints
 *     network.h   weights packed for a CPU      text.h      files, characters, tokens
 *     tape.h      forward and backward passes   sampler.h   from logits to the next token
 *     trace.h     every number of a pass        rows.h      rows of numbers from files
 *     diagram.h   pictures of networks          series.h    time series from files
 *     chart.h     pictures of forecasts         labelled.h  labelled sequences from files
 *     classify.h  labels of sequences, of steps forecast.h  forecasts of series, with intervals
 *     loss.h      what an output means          profile.h   where the time of a step goes
 *     layer.h     one recurrent layer by itself ceilings.h  what the processor can do at most
 *     diagnose.h  what ails a network, and what helps
 *     convert.h   models of other systems, with a proof
 *     tensorboard.h  event files for TensorBoard */
#ifndef ELMAN_ELMAN_H
#define ELMAN_ELMAN_H

#include <elman/ceilings.h>
#include <elman/chart.h>
#include <elman/classify.h>
#include <elman/context.h>
#include <elman/convert.h>
#include <elman/diagnose.h>
#include <elman/diagram.h>
#include <elman/forecast.h>
#include <elman/labelled.h>
#include <elman/layer.h>
#include <elman/loss.h>
#include <elman/model.h>
#include <elman/network.h>
#include <elman/profile.h>
#include <elman/rows.h>
#include <elman/sampler.h>
#include <elman/series.h>
#include <elman/status.h>
#include <elman/stream.h>
#include <elman/tape.h>
#include <elman/tasks.h>
#include <elman/tensorboard.h>
#include <elman/text.h>
#include <elman/trace.h>
#include <elman/train.h>
#include <elman/version.h>

#endif
