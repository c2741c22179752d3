(** The permutation of query and key weights between two layouts (src/encoding/permutation.rs): for
    each pair, the row that holds it in one layout is copied to the row that holds it in the other. *)

From Coq Require Import Reals Lra Lia Arith Bool.
Require Import Sums Algebra Layouts.
Open Scope R_scope.

Section Move.

(** Where pair i sits before and after. *)
Variables re im re' im' : nat -> nat.

(** The loop of [Permutation::sources]: rows[target.re] = source.re, rows[target.im] = source.im. *)
Fixpoint sources (pairs : nat) : nat -> nat :=
  match pairs with
  | O => fun j => j
  | S i => fun j => if Nat.eqb j (im' i) then im i else if Nat.eqb j (re' i) then re i
                    else sources i j
  end.

Definition moved (pairs : nat) (x : vector) : vector := fun j => x (sources pairs j).

Lemma sources_pair pairs i :
  apart re' im' pairs -> (i < pairs)%nat ->
  sources pairs (re' i) = re i /\ sources pairs (im' i) = im i.
Proof.
  induction pairs as [|n IH]; intros A Hi; [lia|]. cbn [sources].
  destruct (Nat.eq_dec i n) as [->|N].
  - destruct (A n n ltac:(lia) ltac:(lia)) as (D & _).
    rewrite !Nat.eqb_refl. destruct (Nat.eqb_spec (re' n) (im' n)); [contradiction|]. now split.
  - destruct (A i n ltac:(lia) ltac:(lia)) as (A1 & A2 & A3).
    destruct (A n i ltac:(lia) ltac:(lia)) as (B1 & _).
    destruct (Nat.eqb_spec (re' i) (im' n)); [contradiction|].
    destruct (Nat.eqb_spec (re' i) (re' n)) as [E|_]; [apply A2 in E; lia|].
    destruct (Nat.eqb_spec (im' i) (im' n)) as [E|_]; [apply A3 in E; lia|].
    destruct (Nat.eqb_spec (im' i) (re' n)) as [E|_]; [congruence|].
    apply IH; [now apply apart_less|lia].
Qed.

Lemma sources_outside pairs j : outside re' im' pairs j = true -> sources pairs j = j.
Proof.
  induction pairs as [|n IH]; cbn [outside sources]; [reflexivity|]. intros H.
  apply andb_prop in H. destruct H as [H Hm]. apply andb_prop in H. destruct H as [H Hr].
  apply negb_true_iff in Hr, Hm. rewrite Hr, Hm. now apply IH.
Qed.

(** Turning in one layout and moving is moving and turning in the other. *)
Theorem rotate_moved pairs s a x :
  apart re im pairs -> apart re' im' pairs ->
  (forall j, outside re im pairs j = outside re' im' pairs j) ->
  same (rotate re' im' pairs s a (moved pairs x)) (moved pairs (rotate re im pairs s a x)).
Proof.
  intros A A' O. apply (same_by_planes re' im' pairs).
  - intros i Hi.
    destruct (rotate_plane re' im' pairs s a (moved pairs x) i A' Hi) as [-> ->].
    unfold moved. destruct (sources_pair pairs i A' Hi) as [-> ->].
    destruct (rotate_plane re im pairs s a x i A Hi) as [-> ->]. split; ring.
  - intros j Hj. rewrite rotate_outside by exact Hj. unfold moved.
    rewrite (sources_outside pairs j Hj). rewrite rotate_outside; [reflexivity|now rewrite O].
Qed.

(** Moving keeps scores. *)
Theorem dot_moved pairs dim x y :
  apart re im pairs -> apart re' im' pairs ->
  inside re im pairs dim -> inside re' im' pairs dim ->
  (forall j, outside re im pairs j = outside re' im' pairs j) ->
  dot dim (moved pairs x) (moved pairs y) = dot dim x y.
Proof.
  intros A A' I I' O. unfold dot.
  rewrite (sum_by_planes re' im' pairs dim (fun j => moved pairs x j * moved pairs y j) A' I').
  rewrite (sum_by_planes re im pairs dim (fun j => x j * y j) A I). f_equal.
  - apply sum_ext. intros i Hi. unfold moved.
    now destruct (sources_pair pairs i A' Hi) as [-> ->].
  - apply sum_ext. intros j _. rewrite O. destruct (outside re' im' pairs j) eqn:E; [|reflexivity].
    unfold moved. now rewrite (sources_outside pairs j E).
Qed.

End Move.

(** There and back is nothing. *)
Theorem sources_inverse re im re' im' pairs x :
  apart re im pairs -> apart re' im' pairs ->
  (forall j, outside re im pairs j = outside re' im' pairs j) ->
  same (moved re' im' re im pairs (moved re im re' im' pairs x)) x.
Proof.
  intros A A' O. apply (same_by_planes re im pairs).
  - intros i Hi. unfold moved.
    destruct (sources_pair re' im' re im pairs i A Hi) as [-> ->].
    now destruct (sources_pair re im re' im' pairs i A' Hi) as [-> ->].
  - intros j Hj. unfold moved. rewrite (sources_outside re' im' re im pairs j Hj).
    apply f_equal. apply sources_outside. now rewrite <- O.
Qed.

(** ** The weights of a model: heads of [dim] rows each, the first 2 pairs of every head permuted. *)

Definition weights := nat -> nat -> R.

(** The row of a weight that row r of the result copies, to the half layout. *)
Definition row_to_half (pairs dim r : nat) : nat :=
  (r / dim * dim + sources (interleaved_re 0) (interleaved_im 0) (half_re 0) (half_im pairs 0)
                     pairs (r mod dim))%nat.

(** Head h of the projection of a hidden state of [columns] numbers. *)
Definition head (dim columns h : nat) (w : weights) (x : vector) : vector :=
  fun j => sum columns (fun c => w (h * dim + j)%nat c * x c).

Definition permuted (pairs dim : nat) (w : weights) : weights :=
  fun r => w (row_to_half pairs dim r).

Lemma head_permuted pairs dim columns h w x j :
  (j < dim)%nat ->
  head dim columns h (permuted pairs dim w) x j
  = moved (interleaved_re 0) (interleaved_im 0) (half_re 0) (half_im pairs 0) pairs
      (head dim columns h w x) j.
Proof.
  intros H. unfold head, permuted, moved, row_to_half.
  replace ((h * dim + j) / dim)%nat with h by (apply (Nat.div_unique _ _ _ j); lia).
  replace ((h * dim + j) mod dim)%nat with j by (apply (Nat.mod_unique _ _ h); lia).
  reflexivity.
Qed.

Lemma dot_ext dim x y x' y' :
  (forall j, (j < dim)%nat -> x j = x' j) -> (forall j, (j < dim)%nat -> y j = y' j) ->
  dot dim x y = dot dim x' y'.
Proof. intros X Y. apply sum_ext. intros j H. now rewrite X, Y. Qed.

Lemma rotate_ext re im pairs dim s a x y :
  apart re im pairs -> inside re im pairs dim ->
  (forall j, (j < dim)%nat -> x j = y j) ->
  forall j, (j < dim)%nat -> rotate re im pairs s a x j = rotate re im pairs s a y j.
Proof.
  induction pairs as [|n IH]; intros A I H j Hj; cbn [rotate]; [now apply H|].
  destruct (I n ltac:(lia)) as [Hr Hm]. rewrite !(H (re n)), !(H (im n)) by assumption.
  unfold set. destruct (Nat.eqb j (im n)); [reflexivity|].
  destruct (Nat.eqb j (re n)); [reflexivity|].
  apply IH; [now apply apart_less|intros i Hi; apply I; lia|exact H|exact Hj].
Qed.

(** A model in Meta's layout and its conversion to Hugging Face's have the same scores: for any query
    head hq and the key head hk that it reads (grouped queries), any hidden states and positions. *)
Theorem checkpoint_conversion pairs dim columns hq hk wq wk x y theta m n :
  (2 * pairs <= dim)%nat ->
  dot dim
    (rotate (half_re 0) (half_im pairs 0) pairs one (fun i => m * theta i)
       (head dim columns hq (permuted pairs dim wq) x))
    (rotate (half_re 0) (half_im pairs 0) pairs one (fun i => n * theta i)
       (head dim columns hk (permuted pairs dim wk) y))
  = dot dim
    (rotate (interleaved_re 0) (interleaved_im 0) pairs one (fun i => m * theta i)
       (head dim columns hq wq x))
    (rotate (interleaved_re 0) (interleaved_im 0) pairs one (fun i => n * theta i)
       (head dim columns hk wk y)).
Proof.
  intros H.
  assert (A := interleaved_apart 0 pairs). assert (A' := half_apart 0 pairs).
  assert (I := interleaved_inside 0 pairs dim H). assert (I' := half_inside 0 pairs dim H).
  assert (O : forall j, outside (interleaved_re 0) (interleaved_im 0) pairs j
                        = outside (half_re 0) (half_im pairs 0) pairs j)
    by (intros j; now rewrite interleaved_outside, half_outside).
  rewrite <- (dot_moved _ _ _ _ pairs dim
    (rotate (interleaved_re 0) (interleaved_im 0) pairs one _ _)
    (rotate (interleaved_re 0) (interleaved_im 0) pairs one _ _) A A' I I' O).
  apply dot_ext; intros j Hj;
    rewrite <- (rotate_moved _ _ _ _ pairs one _ _ A A' O j);
    apply (rotate_ext _ _ pairs dim _ _ _ _ A' I'); try exact Hj;
    intros i Hi; now apply head_permuted.
Qed.
