/* SPDX-License-Identifier: Apache-2.0 */
/** \file
 * ligero: extracts the voice of one enrolled person from a signal, in real time.
 *
 * The only public header. Plain C, usable from C++. No function throws, ends the process or prints.
 *
 * Threads: each function states where it may be called.
 * "Load": it allocates and may read files. Call it on any thread but the audio thread.
 * "Real-time": it does not allocate, lock or make system calls, and it needs at most
 * LIGERO_PROCESS_STACK_BYTES of stack. To lock its memory (mlockall), a host needs a limit
 * (RLIMIT_MEMLOCK, `ulimit -l`) that has room for the model file and ligero_session_bytes.
 * Models and profiles are read-only once open, and threads may share them. A session belongs to one
 * audio thread and one control thread.
 *
 * Without an operating system (platforms/cortex_m): there is no heap, no file and no thread. A model
 * lies in flash, ligero_model_open_in opens it, and all memory is one arena of the caller's; `ligero
 * info --arena` says how large. These functions are missing there: ligero_model_open,
 * ligero_model_open_memory, ligero_enroll, ligero_enroll_on, ligero_profile_*, ligero_batch_*,
 * ligero_resample and ligero_extract.
 */
#ifndef LIGERO_RUNTIME_API_LIGERO_H_
#define LIGERO_RUNTIME_API_LIGERO_H_

#include <stddef.h>
#include <stdint.h>

/** Marks what the library offers. */
#if defined(_WIN32)
#define LIGERO_API __declspec(dllexport)
#else
#define LIGERO_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Rises when a program must be changed or compiled anew. */
#define LIGERO_API_VERSION 5

/** Stack that a real-time function needs at most. */
#define LIGERO_PROCESS_STACK_BYTES 65536

/** Result of a call. Any value but LIGERO_OK is a refusal: no model, profile, session or batch has
 * changed. */
typedef enum ligero_status {
  LIGERO_OK = 0,           /**< done */
  LIGERO_BAD_ARGUMENT = 1, /**< an argument is out of range, or does not fit another */
  LIGERO_BAD_STATE = 2,    /**< not allowed now, such as processing a session of a batch alone */
  LIGERO_BAD_MODEL = 3,    /**< a model or profile file is damaged or inconsistent */
  LIGERO_UNSUPPORTED_MODEL = 4,    /**< valid, but needs something this build lacks */
  LIGERO_NEWER_MODEL = 5,          /**< written by a newer ligero */
  LIGERO_TOO_LITTLE_MEMORY = 6,    /**< of the machine, of the GPU, or of a block of the caller's */
  LIGERO_UNSUPPORTED_HARDWARE = 7, /**< the device cannot run it */
  LIGERO_INTERNAL = 8              /**< a mistake in ligero */
} ligero_status;

/** Where to compute. A GPU needs a build with LIGERO_WITH_CUDA, a driver, and compute
 * capability 7.5 or newer. */
typedef enum ligero_device {
  LIGERO_DEVICE_CPU = 0,  /**< the processor */
  LIGERO_DEVICE_CUDA = 1, /**< the first NVIDIA GPU; LIGERO_UNSUPPORTED_HARDWARE if it cannot be
                             used */
  LIGERO_DEVICE_AUTO = 2  /**< a GPU if it can be used and has the memory and the kernels, else the
                             processor; ligero_get_statistics() says which */
} ligero_device;

/** What comes out where the sound's rate is above the model's. */
typedef enum ligero_bandwidth {
  LIGERO_BANDWIDTH_FULL = 0,  /**< all that the rate can hold */
  LIGERO_BANDWIDTH_SPEECH = 1 /**< what the network hears, and silence above */
} ligero_bandwidth;

/** An open model file. */
typedef struct ligero_model ligero_model;
/** The voice of one person, as the models of one family know it. */
typedef struct ligero_profile ligero_profile;
/** One signal on its way through a network. */
typedef struct ligero_session ligero_session;
/** Many sessions of one model. */
typedef struct ligero_batch ligero_batch;

/** LIGERO_API_VERSION of the linked library. Any thread. */
LIGERO_API uint32_t ligero_version(void);

/** Version of the linked library, "MAJOR.MINOR.PATCH". Never NULL. Any thread. */
LIGERO_API const char* ligero_version_string(void);

/** Message of the last refusal on this thread: what was wrong, where, and what was expected. Valid
 * until the next refusal on this thread. Never NULL. */
LIGERO_API const char* ligero_last_error(void);

/** Opens a model file. Its first 64 MiB are copied to memory, so later changes of the file have no
 * effect on them. The rest is mapped: replace a larger file by renaming a new one over it (install,
 * mv), and never write to it (cp). Load. */
LIGERO_API ligero_status ligero_model_open(const char* path, ligero_model** model);

/** Opens a model in memory. `data` must be 64-byte aligned, and must stay valid and unchanged
 * while the model is open. Load. */
LIGERO_API ligero_status ligero_model_open_memory(const void* data,
                                                  size_t bytes,
                                                  ligero_model** model);

/** Opens a model in memory without a heap. The model, its sessions and the temporary memory for planning
 * lie in `arena`, 64-byte aligned and `arena_bytes` long. `data` must be 64-byte aligned; the model is
 * used in place. `data` and `arena` must stay valid while the model is open. `ligero info --arena`
 * prints the bytes that one session needs on a 32-bit board. A session of such a model runs at the
 * model's own rate, on the processor; a batch, enrolment and ligero_extract take from the heap as ever.
 * One thread at a time opens the model, describes it, asks for ligero_session_bytes and
 * ligero_arena_bytes, and creates and destroys its sessions.
 * LIGERO_TOO_LITTLE_MEMORY: the arena is too small. On a refusal the arena is free. Load. */
LIGERO_API ligero_status ligero_model_open_in(const void* data,
                                              size_t bytes,
                                              void* arena,
                                              size_t arena_bytes,
                                              ligero_model** model);

/** The most bytes of its arena that a model and its sessions have taken so far: an arena of that size is
 * enough for the same calls. 0: the model lies in no arena. Real-time. */
LIGERO_API size_t ligero_arena_bytes(const ligero_model* model);

/** What a model is, what it takes and gives, and what it costs. Set struct_bytes before the call, or
 * begin with LIGERO_MODEL_INFO_INIT; fields past struct_bytes are not written. Strings are valid
 * while the model is open, and "" where the file says nothing. */
typedef struct ligero_model_info {
  uint32_t struct_bytes;  /**< sizeof the struct, as the caller knows it */
  uint32_t rate_hz;       /**< sample rate of the network; a session converts from any rate */
  uint32_t hop_samples;   /**< samples per hop at that rate */
  uint32_t takes_profile; /**< 0: needs no speaker and is always on, like a noise suppressor */
  uint32_t side_outputs;  /**< number of names below, 0 to 4; see ligero_side_output */
  const char* side_output_names[4]; /**< valid while the model is open */
  const char* name;          /**< of the model */
  const char* licence;       /**< of its weights, such as "Apache-2.0" */
  const char* training_data; /**< what it was trained on, with licences */
  uint32_t live;             /**< 1: runs frame by frame; 0: live in blocks alone */
  uint32_t latency_samples;  /**< at rate_hz, frame by frame; 0 if it does not run so */
  uint64_t file_bytes;       /**< of the model file */
  uint64_t session_bytes;    /**< of the block of one session, frame by frame at rate_hz; 0 likewise */
} ligero_model_info;

/** A ligero_model_info for ligero_get_model_info() to fill. */
#define LIGERO_MODEL_INFO_INIT \
  {sizeof(ligero_model_info), 0, 0, 0, 0, {NULL, NULL, NULL, NULL}, NULL, NULL, NULL, 0, 0, 0, 0}

/** Describes a model. LIGERO_BAD_MODEL: the model has no graph "extract" that a session can run.
 * Load; any thread. */
LIGERO_API ligero_status ligero_get_model_info(const ligero_model* model, ligero_model_info* info);

/** Closes a model. Destroy its sessions and batches first; with an arena sessions may be left. Its
 * arena is then free. NULL is allowed. Load. */
LIGERO_API void ligero_model_close(ligero_model* model);

/** Quality of an anchor, the recording that a profile is made from. Set struct_bytes before the
 * call; fields past it are not written. */
typedef struct ligero_anchor_report {
  uint32_t struct_bytes;   /**< sizeof the struct, as the caller knows it */
  float speech_seconds;    /**< total length of the frames with speech */
  float level_db;          /**< RMS of the speech, relative to full scale */
  float noise_db;          /**< level below which a tenth of the frames lie, likewise */
  float clipped_share;     /**< share of samples at full scale, 0 to 1 */
  int64_t cleaned_samples; /**< NaN and infinities, replaced by zero */
  const char* advice;      /**< how to get a better profile, in English; "" if the anchor is good */
} ligero_anchor_report;

/** A ligero_anchor_report for ligero_enroll() to fill. */
#define LIGERO_ANCHOR_REPORT_INIT {sizeof(ligero_anchor_report), 0, 0, 0, 0, 0, NULL}

/** Computes the profile of a person from a recording of that person alone. `samples` holds
 * `frames` frames of `channels` interleaved channels (1 to 32) at `rate_hz` (8000 to 192000),
 * full scale 1, and their mean is used; to use one channel, pass its samples alone. At least 1 s
 * is needed. To use several recordings, append them to each other. `report` may be NULL. Load;
 * takes about a second with a small model. */
LIGERO_API ligero_status ligero_enroll(const ligero_model* model,
                                       const float* samples,
                                       size_t frames,
                                       uint32_t rate_hz,
                                       uint32_t channels,
                                       ligero_profile** profile,
                                       ligero_anchor_report* report);

/** ligero_enroll on `device`, a ligero_device. Load. */
LIGERO_API ligero_status ligero_enroll_on(uint32_t device,
                                          const ligero_model* model,
                                          const float* samples,
                                          size_t frames,
                                          uint32_t rate_hz,
                                          uint32_t channels,
                                          ligero_profile** profile,
                                          ligero_anchor_report* report);

/** Opens a profile file. Load. */
LIGERO_API ligero_status ligero_profile_load(const char* path, ligero_profile** profile);

/** Writes a profile file, the whole file or nothing. Load. */
LIGERO_API ligero_status ligero_profile_save(const ligero_profile* profile, const char* path);

/** Opens a profile from the bytes of a profile file, which are copied and may lie anywhere.
 * LIGERO_BAD_MODEL: they are no profile, or damaged. Load. */
LIGERO_API ligero_status ligero_profile_open_memory(const void* data,
                                                    size_t bytes,
                                                    ligero_profile** profile);

/** The bytes that ligero_profile_save() would write, to store them in place of a file. They are valid
 * while the profile is open. Any thread, real-time. */
LIGERO_API ligero_status ligero_profile_data(const ligero_profile* profile,
                                             const void** data,
                                             size_t* bytes);

/** Closes a profile. NULL is allowed. Load. */
LIGERO_API void ligero_profile_close(ligero_profile* profile);

/** Compares the voices of two profiles of one model: their cosine similarity, -1 to 1. It is
 * larger for the same person; `ligero verify` shows the threshold. Any thread. */
LIGERO_API ligero_status ligero_profile_similarity(const ligero_profile* a,
                                                   const ligero_profile* b,
                                                   float* similarity);

/** How a session runs. Begin with LIGERO_SESSION_CONFIG_INIT, then set the fields you need. Zero means
 * the default. */
typedef struct ligero_session_config {
  uint32_t struct_bytes;        /**< sizeof the struct, as the caller knows it */
  uint32_t rate_hz;             /**< of input and output; default 16000 */
  uint32_t channels;            /**< 1 to 32, default 1; the voice goes to all of them */
  uint32_t pass_without_target; /**< until a target is set: 1 the input, 0 silence */
  /** Block processing, in hops of the model (ligero_model_info.hop_samples), at most 6000 each. A
   * model that needs the whole recording can only run live in blocks. */
  uint32_t block_hops;      /**< hops per block, computed in one call; 0: frame by frame */
  uint32_t context_hops;    /**< hops before a block that the network sees; 200 is a good choice */
  uint32_t look_ahead_hops; /**< hops after a block that it sees; more adds latency and quality */
  /** A ligero_device. On a GPU, ligero_process calls the driver and waits for it, so it is not
   * strictly real-time. If the GPU fails, the session continues on the processor from that hop,
   * with a cleared history. */
  uint32_t device;
  /** Bit c: channel c is part of the mean that the network hears; 0: all channels. Use it where
   * each channel holds another person, or where one channel is silent or inverted. */
  uint32_t channel_mask;
  /** A ligero_bandwidth. With a rate above the model's, FULL keeps what lies above the band that
   * the network hears, as far as the network has kept the voice's highest octave. */
  uint32_t bandwidth;
  /** People whose voices pass, 1 to 16; 0: one. They share the conversions; each has a seat on the
   * network, which takes time only while its target is set. With lgr-tse-small-live two targets take 2.0
   * times the instructions and 1.9 times the memory of one, four take 4.0 and 3.8 times. The voices are
   * summed; where the sum would be louder than full scale, and than each voice alone, it is turned
   * down. Bare-metal builds have one target. */
  uint32_t targets;
} ligero_session_config;

/** A ligero_session_config with the default of every field. */
#define LIGERO_SESSION_CONFIG_INIT {sizeof(ligero_session_config), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** Bytes of the block that ligero_session_create needs. Load. */
LIGERO_API ligero_status ligero_session_bytes(const ligero_model* model,
                                              const ligero_session_config* config,
                                              size_t* bytes);

/** Creates a session in `block`, 64-byte aligned and `bytes` long. The block must outlive the
 * session. NULL: ligero allocates the block, in the model's arena if it has one, and ignores `bytes`.
 * Load. */
LIGERO_API ligero_status ligero_session_create(const ligero_model* model,
                                               const ligero_session_config* config,
                                               void* block,
                                               size_t bytes,
                                               ligero_session** session);

/** Destroys a session. The caller may then reuse its block. In an arena its memory is free once the
 * sessions created after it are destroyed too. NULL is allowed. Load. */
LIGERO_API void ligero_session_destroy(ligero_session* session);

/** Sets the person whose voice is extracted from the next hop on. NULL: no target. A change of
 * target takes 50 ms and does not click. The profile may be closed right after the call.
 * LIGERO_BAD_ARGUMENT: the profile belongs to another model family, or the network takes no
 * profile. Control thread, real-time. */
LIGERO_API ligero_status ligero_set_target(ligero_session* session, const ligero_profile* profile);

/** ligero_set_target for target `index` of ligero_session_config.targets, from 0. Each target comes,
 * changes and goes by itself. LIGERO_BAD_ARGUMENT: also if there is no such target. Control thread,
 * real-time. */
LIGERO_API ligero_status ligero_set_target_of(ligero_session* session,
                                              uint32_t index,
                                              const ligero_profile* profile);

/** ligero_set_target_of with the bytes of a profile file, 8-byte aligned. They are read in place and are
 * not needed after the call. Nothing is allocated, so that a profile can lie in flash.
 * LIGERO_BAD_MODEL: they are no profile, or damaged. Control thread, real-time; its time grows with
 * `bytes`. */
LIGERO_API ligero_status ligero_set_target_data(ligero_session* session,
                                                uint32_t index,
                                                const void* data,
                                                size_t bytes);

/** strength: 0 (the input) to 1 (the voice alone). limit_db: maximum attenuation of everything else;
 * 100 or more: no limit. Control thread, real-time. */
LIGERO_API ligero_status ligero_set_strength(ligero_session* session,
                                             float strength,
                                             float limit_db);

/** 1: outputs the input, with the same latency; 0: outputs the voice. The change fades. Control
 * thread, real-time. */
LIGERO_API ligero_status ligero_set_bypass(ligero_session* session, int bypass);

/** Processes any number of frames. `in` and `out` have one pointer per channel to `frames`
 * samples, full scale 1. An output may be its input's memory. The call always fills `out`. NaN,
 * infinities and samples beyond 8 are replaced by zero before the network sees them, and what lies
 * below the voice (DC offset, rumble) is filtered out. A session rests after one second of silence,
 * in which no sample is more than one 16-bit step from a constant (mute, a disconnected cable, the
 * offset of a sound card). A resting session costs almost nothing. The next sound starts the
 * network anew, as after ligero_reset. Audio thread, real-time. */
LIGERO_API ligero_status ligero_process(ligero_session* session,
                                        const float* const* in,
                                        float* const* out,
                                        uint32_t frames);

/** ligero_process for 16-bit samples: `in` and `out` hold `frames` frames of the session's channels,
 * interleaved, and may be the same memory. Full scale is 32768. The output is what ligero_process
 * gives, rounded to the nearest and saturated. Audio thread, real-time. */
LIGERO_API ligero_status ligero_process_s16(ligero_session* session,
                                            const int16_t* in,
                                            int16_t* out,
                                            uint32_t frames);

/** Reads a side output of the network: one float per hop, such as the target's activity. The
 * value belongs to the hop whose voice was output last; in blocks, to the last hop of the newest
 * block. It is 0 before the first hop, while the session rests, and without a target.
 * LIGERO_BAD_ARGUMENT: the network has no side output called `name`. Any thread, real-time. */
LIGERO_API ligero_status ligero_side_output(const ligero_session* session,
                                            const char* name,
                                            float* value);

/** ligero_side_output of the network's seat for target `index`, from 0. LIGERO_BAD_ARGUMENT: also if
 * there is no such target. Any thread, real-time. */
LIGERO_API ligero_status ligero_side_output_of(const ligero_session* session,
                                               uint32_t index,
                                               const char* name,
                                               float* value);

/** Delay from input to output, in samples at the session's rate. Any thread, real-time. */
LIGERO_API uint32_t ligero_latency(const ligero_session* session);

/** Marks the end of the signal. Then pass ligero_latency zeros to ligero_process: they flush the
 * rest of the voice. Without this call the network takes the zeros for a part of the signal, and
 * the last 20 ms differ slightly from the result for the whole recording. A second call has no
 * effect until ligero_reset. Audio thread, real-time. */
LIGERO_API ligero_status ligero_finish(ligero_session* session);

/** Clears the signal history. Target and settings stay. Audio thread, real-time. */
LIGERO_API ligero_status ligero_reset(ligero_session* session);

/** A batch: many sessions of one model, for example all calls of a server. The sessions share the
 * weights. On a GPU, one sequence of launches computes a hop of all sessions. On the processor,
 * each node of the network runs for all sessions in turn, so its weights are read once. A batch
 * belongs to one audio thread and one control thread, like a session.
 *
 * ligero_batch_create creates `sessions` sessions (1 to 65535) of one configuration, on
 * config->device. It allocates all memory, also that of the processor, which takes over if a GPU
 * fails. LIGERO_TOO_LITTLE_MEMORY: the machine or the GPU has too little memory. Load. */
LIGERO_API ligero_status ligero_batch_create(const ligero_model* model,
                                             const ligero_session_config* config,
                                             uint32_t sessions,
                                             ligero_batch** batch);

/** Destroys a batch and its sessions. NULL is allowed. Load. */
LIGERO_API void ligero_batch_destroy(ligero_batch* batch);

/** Session `index` of a batch; NULL if the index is out of range. It has its own target,
 * strength, bypass, finish, reset, latency, side outputs and statistics, with the functions above.
 * Two functions differ: ligero_process refuses it, and ligero_session_destroy does nothing. Any
 * thread, real-time. */
LIGERO_API ligero_session* ligero_batch_session(ligero_batch* batch, uint32_t index);

/** ligero_process for all sessions of a batch. in[s * channels + c] and out[s * channels + c]
 * point to `frames` samples of channel c of session s. A session whose first input is NULL
 * pauses: its state stays unchanged and its outputs are not written. To reuse a session for
 * another call, ligero_reset it and set the new target. Sessions may start at different times;
 * the hops that are due in a call are computed together. Audio thread; real-time on the
 * processor, on a GPU see ligero_session_config.device. */
LIGERO_API ligero_status ligero_batch_process(ligero_batch* batch,
                                              const float* const* in,
                                              float* const* out,
                                              uint32_t frames);

/** Counters since creation or the last reset. Set struct_bytes before the call; fields past it
 * are not written. */
typedef struct ligero_statistics {
  uint32_t struct_bytes;   /**< sizeof the struct, as the caller knows it */
  uint32_t device;         /**< where the session computes now: LIGERO_DEVICE_CPU or _CUDA */
  int64_t samples;         /**< processed samples, per channel */
  int64_t cleaned_samples; /**< NaN, infinite or beyond 8, replaced by zero */
  int64_t healed_hops;     /**< hops with a value that is not finite; the network was reset */
  int64_t lost_devices;    /**< 1: the GPU failed and the processor took over; a reset keeps it */
} ligero_statistics;

/** A ligero_statistics for ligero_get_statistics() to fill. */
#define LIGERO_STATISTICS_INIT {sizeof(ligero_statistics), 0, 0, 0, 0, 0}

/** Reads the counters. Control or audio thread, real-time. */
LIGERO_API ligero_status ligero_get_statistics(const ligero_session* session,
                                               ligero_statistics* statistics);

/** Converts `frames` samples of one channel from `from_hz` to `to_hz` (8000 to 192000), aligned to the
 * sample. Writes `out_frames` samples: what lies past the recording's end is left out, or computed
 * with zeros after the recording. Load. */
LIGERO_API ligero_status ligero_resample(const float* samples,
                                         size_t frames,
                                         uint32_t from_hz,
                                         uint32_t to_hz,
                                         float* out,
                                         size_t out_frames);

/** Extracts the person of `profile` from a recording of one channel at `rate_hz`, full scale 1, into
 * `out`: `frames` samples, aligned to the input. `out` may be `samples`. A recording of at most one
 * minute runs at once; a longer one runs frame by frame, or in blocks where the model cannot, so the
 * network's memory does not grow. `profile` is NULL exactly where the network takes none. `bandwidth`
 * is a ligero_bandwidth. NaN and infinities count as zero. On a refusal, `out` is unchanged. Load. */
LIGERO_API ligero_status ligero_extract(const ligero_model* model,
                                        const ligero_profile* profile,
                                        const float* samples,
                                        size_t frames,
                                        uint32_t rate_hz,
                                        uint32_t bandwidth,
                                        float* out);

#ifdef __cplusplus
}
#endif

#endif /* LIGERO_RUNTIME_API_LIGERO_H_ */
