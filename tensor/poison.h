// Memory that nobody may touch, for the address sanitizer; nothing without it.
#pragma once
#if defined(__SANITIZE_ADDRESS__)
#define FR_ARENA_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FR_ARENA_POISON 1
#endif
#endif
#ifdef FR_ARENA_POISON
#include <sanitizer/asan_interface.h>
#define FR_POISON(p, bytes) ASAN_POISON_MEMORY_REGION(p, bytes)
#define FR_UNPOISON(p, bytes) ASAN_UNPOISON_MEMORY_REGION(p, bytes)
#else
#define FR_POISON(p, bytes) (void)(p)
#define FR_UNPOISON(p, bytes) (void)(p)
#endif
