/* ligero: passes on one enrolled person's voice and nothing else, in real time.
 *
 * The only public header. Plain C; every function may be called from C++. Nothing here throws, ends
 * the process or prints.
 *
 * Threads: "load" functions allocate and may read files; call them anywhere but on the audio thread.
 * "real-time" functions neither allocate, lock nor call the system. A model and a profile are
 * read-only once open and may be shared; a session belongs to one audio thread and one control thread.
 */
#ifndef LIGERO_RUNTIME_API_LIGERO_H_
#define LIGERO_RUNTIME_API_LIGERO_H_

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define LIGERO_API __declspec(dllexport)
#else
#define LIGERO_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define LIGERO_API_VERSION 4

/* What a function found. Everything but LIGERO_OK is a refusal that changed nothing. */
typedef enum ligero_status {
  LIGERO_OK = 0,
  LIGERO_BAD_ARGUMENT = 1,
  LIGERO_BAD_STATE = 2,
  LIGERO_BAD_MODEL = 3,         /* a model or profile file is damaged or contradicts itself */
  LIGERO_UNSUPPORTED_MODEL = 4, /* sound, but asks for something this build does not have */
  LIGERO_NEWER_MODEL = 5,       /* written by a later ligero */
  LIGERO_TOO_LITTLE_MEMORY = 6,
  LIGERO_UNSUPPORTED_HARDWARE = 7,
  LIGERO_INTERNAL = 8
} ligero_status;

/* Where to compute. A GPU needs a build with LIGERO_WITH_CUDA, a driver and compute capability 7.5. */
typedef enum ligero_device {
  LIGERO_DEVICE_CPU = 0,
  LIGERO_DEVICE_CUDA = 1, /* the first NVIDIA GPU, or LIGERO_UNSUPPORTED_HARDWARE with the reason */
  LIGERO_DEVICE_AUTO = 2  /* a GPU where one can be used and has the memory, else the processor;
                             ligero_get_statistics() says which */
} ligero_device;

typedef struct ligero_model ligero_model;
typedef struct ligero_profile ligero_profile;
typedef struct ligero_session ligero_session;
typedef struct ligero_batch ligero_batch;

/* Version of the library that is linked, as LIGERO_API_VERSION. Any thread. */
LIGERO_API uint32_t ligero_version(void);

/* Why the last call on this thread that did not return LIGERO_OK refused: what, where and what was
 * expected. Valid until the next refusal on this thread; never NULL. */
LIGERO_API const char* ligero_last_error(void);

/* Opens a model file, mapped read-only. Load. */
LIGERO_API ligero_status ligero_model_open(const char* path, ligero_model** model);

/* Opens a model in memory (64-byte aligned, unchanged as long as the model is open). Load. */
LIGERO_API ligero_status ligero_model_open_memory(const void* data, size_t bytes, ligero_model** model);

/* Closes a model; sessions of it must be gone. NULL is fine. Load. */
LIGERO_API void ligero_model_close(ligero_model* model);

/* How good an anchor is. Fill struct_bytes before the call; fields past it are left alone. */
typedef struct ligero_anchor_report {
  uint32_t struct_bytes;
  float speech_seconds;  /* of frames that hold speech */
  float level_db;        /* RMS of the speech, relative to full scale */
  float noise_db;        /* RMS of the quietest tenth, relative to full scale */
  float clipped_share;   /* samples at full scale, 0 to 1 */
  int64_t cleaned_samples; /* NaN and infinities, taken as zero */
  const char* advice;      /* what to do for a better profile, in English; "" where it is good */
} ligero_anchor_report;

/* Makes the profile of the person who speaks, alone, in `samples`: `frames` frames of `channels`
 * interleaved channels at `rate_hz` (8000 to 192000), full scale 1. At least 1 s; several recordings
 * of one person go one behind the other. `report` may be NULL. Load; takes about a second for a small model. */
LIGERO_API ligero_status ligero_enroll(const ligero_model* model,
                                       const float* samples,
                                       size_t frames,
                                       uint32_t rate_hz,
                                       uint32_t channels,
                                       ligero_profile** profile,
                                       ligero_anchor_report* report);

/* The same on a device of `ligero_device`. */
LIGERO_API ligero_status ligero_enroll_on(uint32_t device,
                                          const ligero_model* model,
                                          const float* samples,
                                          size_t frames,
                                          uint32_t rate_hz,
                                          uint32_t channels,
                                          ligero_profile** profile,
                                          ligero_anchor_report* report);

/* Profile files. Saving writes the whole file or nothing. Load. */
LIGERO_API ligero_status ligero_profile_load(const char* path, ligero_profile** profile);
LIGERO_API ligero_status ligero_profile_save(const ligero_profile* profile, const char* path);
LIGERO_API void ligero_profile_close(ligero_profile* profile);

/* Whether two profiles of one model are of one person: the cosine of their voices, -1 to 1, larger for
 * the same person (`ligero verify` says from where on). Any thread. */
LIGERO_API ligero_status ligero_profile_similarity(const ligero_profile* a,
                                                   const ligero_profile* b,
                                                   float* similarity);

/* How a session runs. Zero everything, set struct_bytes = sizeof(ligero_session_config), then the
 * fields you want; zero means the default. */
typedef struct ligero_session_config {
  uint32_t struct_bytes;
  uint32_t rate_hz;             /* of input and output; default 16000 */
  uint32_t channels;            /* default 1; mixed to one, the voice goes to all */
  uint32_t pass_without_target; /* 1: the input, 0: silence until a target is set */
  /* In hops of 10 ms, at most 6000. Models that need the whole recording run live in blocks: */
  uint32_t block_hops;      /* computed at a time, all in one call; 0: frame by frame */
  uint32_t context_hops;    /* seen before a block: 200 is a good choice */
  uint32_t look_ahead_hops; /* seen after it: adds to the latency, and to the quality */
  /* Of ligero_device. On a GPU ligero_process calls the driver and waits, so it is not real-time in
   * the strict sense; if the GPU fails, the session goes on on the processor from that hop. */
  uint32_t device;
} ligero_session_config;

/* Bytes that ligero_session_create needs in the caller's block. Load. */
LIGERO_API ligero_status ligero_session_bytes(const ligero_model* model,
                                              const ligero_session_config* config,
                                              size_t* bytes);

/* Creates a session in `block` (64-byte aligned; NULL: ligero allocates `bytes` itself, and `bytes`
 * may be 0). Load. */
LIGERO_API ligero_status ligero_session_create(const ligero_model* model,
                                               const ligero_session_config* config,
                                               void* block,
                                               size_t bytes,
                                               ligero_session** session);

/* Ends a session; the caller's block is the caller's again. NULL is fine. Load. */
LIGERO_API void ligero_session_destroy(ligero_session* session);

/* Whose voice to pass from the next hop on; NULL: nobody's. A change takes 50 ms and does not click.
 * The profile may be closed at once. Control thread, real-time. */
LIGERO_API ligero_status ligero_set_target(ligero_session* session, const ligero_profile* profile);

/* strength: 0 (the input) to 1 (the voice alone). limit_db: the most by which anything else is
 * attenuated; 100 and above: no limit. Control thread, real-time. */
LIGERO_API ligero_status ligero_set_strength(ligero_session* session, float strength, float limit_db);

/* 1: the input, delayed as the voice would be; 0: the voice. Fades. Control thread, real-time. */
LIGERO_API ligero_status ligero_set_bypass(ligero_session* session, int bypass);

/* `in` and `out`: one pointer a channel to `frames` samples, full scale 1; out may be in. Any number
 * of frames. Always fills `out`. NaN, infinities and what is louder than 8 count as zero and never
 * reach the network. After a second in which nothing exceeds one 16-bit step (mute, a dead cable) the
 * session rests: it costs next to nothing, and the next sound meets it as after ligero_reset. Audio
 * thread, real-time. */
LIGERO_API ligero_status ligero_process(ligero_session* session,
                                        const float* const* in,
                                        float* const* out,
                                        uint32_t frames);

/* Samples, at the session's rate, by which the output lags the input. Any thread, real-time. */
LIGERO_API uint32_t ligero_latency(const ligero_session* session);

/* Forgets the signal; target and settings stay. Audio thread, real-time. */
LIGERO_API ligero_status ligero_reset(ligero_session* session);

/* Many sessions of one model at once: all the calls of a server. On a GPU one sequence of launches
 * computes a hop of all of them, and they share one copy of the weights; on the processor they take
 * turns. A batch belongs to one audio thread and one control thread, as a session does.
 *
 * Creates `sessions` (1 to 65535) of one configuration; config->device says where. ligero allocates all
 * they need, for the processor too, which takes over where a GPU fails. LIGERO_TOO_LITTLE_MEMORY: of
 * the machine or of the GPU. Load. */
LIGERO_API ligero_status ligero_batch_create(const ligero_model* model,
                                             const ligero_session_config* config,
                                             uint32_t sessions,
                                             ligero_batch** batch);

/* Ends a batch and all its sessions. NULL is fine. Load. */
LIGERO_API void ligero_batch_destroy(ligero_batch* batch);

/* Session `index` of a batch, or NULL where there is none. Everything but ligero_process (which is
 * refused) and ligero_session_destroy (which does nothing) works on it as on any other: its target,
 * strength, bypass, reset, latency and statistics are its own. Any thread, real-time. */
LIGERO_API ligero_session* ligero_batch_session(ligero_batch* batch, uint32_t index);

/* ligero_process for all of them: in[s * channels + c] and out[s * channels + c] point to `frames`
 * samples of channel c of session s. Where a session's first input is NULL it stands still: nothing of
 * it changes, and its outputs are not written. To give its place to another call, ligero_reset it and
 * set the target. Sessions need not have begun together; what is due in a call is computed together.
 * Audio thread, real-time on the processor; on a GPU as ligero_session_config.device says. */
LIGERO_API ligero_status ligero_batch_process(ligero_batch* batch,
                                              const float* const* in,
                                              float* const* out,
                                              uint32_t frames);

/* Counters since creation or reset. Fill struct_bytes before the call. */
typedef struct ligero_statistics {
  uint32_t struct_bytes;
  uint32_t device;         /* where the session computes now: LIGERO_DEVICE_CPU or _CUDA */
  int64_t samples;         /* processed, per channel */
  int64_t cleaned_samples; /* NaN, infinite or absurdly loud, taken as zero */
  int64_t healed_hops;     /* the network gave no number and was reset */
  int64_t lost_devices;    /* 1: the GPU has failed, and the processor has taken over */
} ligero_statistics;

/* Control or audio thread, real-time. */
LIGERO_API ligero_status ligero_get_statistics(const ligero_session* session,
                                               ligero_statistics* statistics);

#ifdef __cplusplus
}
#endif

#endif /* LIGERO_RUNTIME_API_LIGERO_H_ */
