(** The configurations in use: 32 buckets up to distance 128 or 256, with and without buckets of
    their own for keys after the query. The lists are those of the program, which a test compares. *)

From Coq Require Import ZArith List.
Require Import Buckets.
Import ListNotations.
Open Scope Z_scope.

(** First distance of bucket N/2 + k, k = 1 … *)
Definition bidirectional_128 : list Z := [12; 16; 23; 32; 46; 64; 91].
Definition causal_128 : list Z := [19; 21; 24; 27; 31; 35; 40; 46; 52; 59; 67; 77; 87; 99; 113].
Definition bidirectional_256 : list Z := [13; 20; 30; 46; 70; 108; 166].
Definition causal_256 : list Z := [20; 23; 27; 32; 39; 46; 54; 64; 77; 91; 108; 128; 153; 182; 216].

Ltac standard := apply buckets_right; vm_compute; (reflexivity || discriminate).

Theorem t5_32_128_bidirectional relative :
  code_bucket bidirectional_128 32 true relative = paper_bucket 32 128 true relative.
Proof. standard. Qed.

Theorem t5_32_128_causal relative :
  code_bucket causal_128 32 false relative = paper_bucket 32 128 false relative.
Proof. standard. Qed.

Theorem t5_32_256_bidirectional relative :
  code_bucket bidirectional_256 32 true relative = paper_bucket 32 256 true relative.
Proof. standard. Qed.

Theorem t5_32_256_causal relative :
  code_bucket causal_256 32 false relative = paper_bucket 32 256 false relative.
Proof. standard. Qed.
