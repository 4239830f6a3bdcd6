"""FAISS: exact search by inner product in a flat index.    topk QUERIES N D K"""
import faiss

from protocol import Case, sampled, serve, threads, values


def topk(queries, n, d, k):
    faiss.omp_set_num_threads(threads())
    index = faiss.IndexFlatIP(int(d))
    index.add(values(1, int(n), int(d)))
    q = values(2, int(queries), int(d))
    note = next((o for o in ("AVX512_SPR", "AVX512", "AVX2") if o in faiss.get_compile_options()), "generic")
    # scores, not places: two rows of nearly the same score may change places
    return Case(lambda: index.search(q, int(k)), lambda: sampled(index.search(q, int(k))[0]), note)


serve({"topk": topk})
