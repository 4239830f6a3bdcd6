"""FAISS: exact search by inner product in a flat index, by its own loops or by its BLAS.    topk QUERIES N D K"""
import faiss

from protocol import Case, fastest, sampled, serve, threads, values


def topk(queries, n, d, k):
    faiss.omp_set_num_threads(threads())
    index = faiss.IndexFlatIP(int(d))
    index.add(values(1, int(n), int(d)))
    q = values(2, int(queries), int(d))

    def search(blas_from):
        faiss.cvar.distance_compute_blas_threshold = blas_from
        return index.search(q, int(k))[0]  # scores: two rows of nearly the same score may change places

    forms = {"BLAS": lambda: search(1), "loops": lambda: search(1 << 30)}
    note, run = fastest(forms.items())
    return Case(run, lambda: sampled(run()), f"{faiss.SIMDConfig.get_level_name()}, {note}")


serve({"topk": topk})
