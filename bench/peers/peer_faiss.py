"""FAISS: exact search by inner product in a flat index.    topk QUERIES N D K"""
import faiss

from protocol import Case, sampled, serve, threads, values


def topk(queries, n, d, k):
    faiss.omp_set_num_threads(threads())
    index = faiss.IndexFlatIP(int(d))
    index.add(values(1, int(n), int(d)))
    q = values(2, int(queries), int(d))
    level = faiss.SIMDConfig.get_level_name() if hasattr(faiss, "SIMDConfig") else faiss.get_compile_options()
    # scores, not places: two rows of nearly the same score may change places
    return Case(lambda: index.search(q, int(k)), lambda: sampled(index.search(q, int(k))[0]), level)


serve({"topk": topk})
