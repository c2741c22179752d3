(** RoFormer's algebra (arXiv 2104.09864, Eq. 11 to 16 and 34), for any planes of a head.

    A head is a function from coordinates to reals. A rope is what the code has: a number of planes,
    the two coordinates [re i] and [im i] of each, one real angle per plane, one real scale per
    plane (the attention factor, and xPos's growth). Nothing is assumed of angles, positions or
    frequencies, which are any reals; of the coordinates only that no two planes share one. *)

From Coq Require Import Reals Lra Lia Arith Bool.
Require Import Sums.
Open Scope R_scope.

Definition vector := nat -> R.

(** [x] with coordinate [a] replaced. *)
Definition set (x : vector) (a : nat) (v : R) : vector := fun j => if Nat.eqb j a then v else x j.

Definition dot (dim : nat) (x y : vector) : R := sum dim (fun j => x j * y j).

Section Planes.

Variables re im : nat -> nat.

(** The loop of [rotate_complex] (src/encoding/rotation.rs): each plane is read from [x] and written
    to the result, coordinates outside stay. The product is (x + iy) times scale times e^(i angle). *)
Fixpoint rotate (planes : nat) (scale angle : nat -> R) (x : vector) : vector :=
  match planes with
  | O => x
  | S i =>
      let turned := rotate i scale angle x in
      let c := scale i * cos (angle i) in
      let s := scale i * sin (angle i) in
      set (set turned (re i) (x (re i) * c - x (im i) * s)) (im i) (x (re i) * s + x (im i) * c)
  end.

(** No two planes share a coordinate. *)
Definition apart (planes : nat) : Prop :=
  forall i j, (i < planes)%nat -> (j < planes)%nat ->
    re i <> im j /\ (re i = re j -> i = j) /\ (im i = im j -> i = j).

Definition inside (planes dim : nat) : Prop :=
  forall i, (i < planes)%nat -> (re i < dim)%nat /\ (im i < dim)%nat.

(** Whether coordinate [j] belongs to no plane. *)
Fixpoint outside (planes j : nat) : bool :=
  match planes with
  | O => true
  | S i => outside i j && negb (Nat.eqb j (re i)) && negb (Nat.eqb j (im i))
  end.

Lemma apart_less planes : apart (S planes) -> apart planes.
Proof. intros H i j Hi Hj. apply H; lia. Qed.

Lemma outside_re planes i : apart planes -> (i < planes)%nat -> outside i (re i) = true.
Proof.
  intros H Hi. assert (K : forall k, (k <= i)%nat -> outside k (re i) = true).
  { induction k as [|k IH]; intros Hk; simpl; [reflexivity|].
    rewrite IH by lia. destruct (H i k) as (A & B & _); [lia|lia|].
    destruct (Nat.eqb_spec (re i) (re k)) as [E|_]; [apply B in E; lia|].
    destruct (Nat.eqb_spec (re i) (im k)); [contradiction|reflexivity]. }
  now apply K.
Qed.

Lemma outside_im planes i : apart planes -> (i < planes)%nat -> outside i (im i) = true.
Proof.
  intros H Hi. assert (K : forall k, (k <= i)%nat -> outside k (im i) = true).
  { induction k as [|k IH]; intros Hk; simpl; [reflexivity|].
    rewrite IH by lia. destruct (H k i) as (A & _ & _); [lia|lia|].
    destruct (H i k) as (_ & _ & B); [lia|lia|].
    destruct (Nat.eqb_spec (im i) (re k)) as [E|_]; [congruence|].
    destruct (Nat.eqb_spec (im i) (im k)) as [E|_]; [apply B in E; lia|reflexivity]. }
  now apply K.
Qed.

(** A sum over the coordinates of a head is one over its planes and one over the rest. *)
Lemma sum_by_planes planes dim f :
  apart planes -> inside planes dim ->
  sum dim f
  = sum planes (fun i => f (re i) + f (im i))
    + sum dim (fun j => if outside planes j then f j else 0).
Proof.
  induction planes as [|n IH]; intros A I.
  - simpl. rewrite Rplus_0_l. reflexivity.
  - rewrite IH; [|now apply apart_less|intros i Hi; apply I; lia].
    simpl sum. rewrite Rplus_assoc. f_equal.
    destruct (I n ltac:(lia)) as [Hre Him].
    rewrite <- (sum_pick dim (re n) f Hre), <- (sum_pick dim (im n) f Him), <- !sum_plus.
    apply sum_ext. intros j _.
    assert (Hr := outside_re (S n) n A ltac:(lia)).
    assert (Hi := outside_im (S n) n A ltac:(lia)).
    destruct (A n n ltac:(lia) ltac:(lia)) as (N & _).
    simpl. destruct (Nat.eqb_spec j (re n)) as [E|_]; destruct (Nat.eqb_spec j (im n)) as [F|_];
      [congruence|subst j; rewrite Hr|subst j; rewrite Hi|]; simpl;
      try (destruct (outside n j)); simpl; ring.
Qed.

(** What the loop leaves in each coordinate. *)
Lemma rotate_outside planes scale angle x j :
  outside planes j = true -> rotate planes scale angle x j = x j.
Proof.
  induction planes as [|n IH]; simpl; [reflexivity|]. intros H.
  apply andb_prop in H. destruct H as [H Him]. apply andb_prop in H. destruct H as [H Hre].
  apply negb_true_iff in Hre, Him. unfold set. rewrite Him, Hre. now apply IH.
Qed.

Lemma rotate_plane planes scale angle x i :
  apart planes -> (i < planes)%nat ->
  let c := scale i * cos (angle i) in
  let s := scale i * sin (angle i) in
  rotate planes scale angle x (re i) = x (re i) * c - x (im i) * s /\
  rotate planes scale angle x (im i) = x (re i) * s + x (im i) * c.
Proof.
  induction planes as [|n IH]; intros A Hi; [lia|]. simpl. unfold set.
  destruct (Nat.eq_dec i n) as [->|N].
  - destruct (A n n ltac:(lia) ltac:(lia)) as (D & _).
    rewrite !Nat.eqb_refl. destruct (Nat.eqb_spec (re n) (im n)); [contradiction|]. now split.
  - destruct (A i n ltac:(lia) ltac:(lia)) as (A1 & A2 & A3).
    destruct (A n i ltac:(lia) ltac:(lia)) as (B1 & _).
    destruct (Nat.eqb_spec (re i) (im n)); [contradiction|].
    destruct (Nat.eqb_spec (re i) (re n)) as [E|_]; [apply A2 in E; lia|].
    destruct (Nat.eqb_spec (im i) (im n)) as [E|_]; [apply A3 in E; lia|].
    destruct (Nat.eqb_spec (im i) (re n)) as [E|_]; [congruence|].
    apply IH; [now apply apart_less|lia].
Qed.

(** ** The relative position theorem (Eq. 16), with a scale and an angle of its own for every plane
    of the query and of the key. *)
Theorem score planes dim sq sk a b q k :
  apart planes -> inside planes dim ->
  dot dim (rotate planes sq a q) (rotate planes sk b k)
  = sum planes (fun i => sq i * sk i *
      ((q (re i) * k (re i) + q (im i) * k (im i)) * cos (a i - b i)
       + (q (re i) * k (im i) - q (im i) * k (re i)) * sin (a i - b i)))
    + sum dim (fun j => if outside planes j then q j * k j else 0).
Proof.
  intros A I. unfold dot. rewrite (sum_by_planes planes dim _ A I). f_equal.
  - apply sum_ext. intros i Hi.
    destruct (rotate_plane planes sq a q i A Hi) as [-> ->].
    destruct (rotate_plane planes sk b k i A Hi) as [-> ->].
    rewrite cos_minus, sin_minus. ring.
  - apply sum_ext. intros j _. destruct (outside planes j) eqn:O; [|reflexivity].
    now rewrite !rotate_outside.
Qed.

(** The same as RoFormer has it: positions m and n, frequencies, and one scale for both. *)
Theorem relative_position planes dim scale theta q k m n :
  apart planes -> inside planes dim ->
  dot dim (rotate planes (fun _ => scale) (fun i => m * theta i) q)
          (rotate planes (fun _ => scale) (fun i => n * theta i) k)
  = scale * scale * sum planes (fun i =>
      (q (re i) * k (re i) + q (im i) * k (im i)) * cos ((m - n) * theta i)
      + (q (re i) * k (im i) - q (im i) * k (re i)) * sin ((m - n) * theta i))
    + sum dim (fun j => if outside planes j then q j * k j else 0).
Proof.
  intros A I. rewrite (score _ _ _ _ _ _ _ _ A I). f_equal.
  rewrite <- sum_scale. apply sum_ext. intros i _.
  replace (m * theta i - n * theta i) with ((m - n) * theta i) by ring. reflexivity.
Qed.

Definition one : nat -> R := fun _ => 1.

(** … = ⟨R(m − n) q, k⟩. *)
Theorem only_the_difference planes dim theta q k m n :
  apart planes -> inside planes dim ->
  dot dim (rotate planes one (fun i => m * theta i) q) (rotate planes one (fun i => n * theta i) k)
  = dot dim (rotate planes one (fun i => (m - n) * theta i) q) k.
Proof.
  intros A I. unfold one.
  rewrite (relative_position _ _ _ _ _ _ _ _ A I).
  unfold dot. rewrite (sum_by_planes planes dim
    (fun j => rotate planes (fun _ => 1) (fun i => (m - n) * theta i) q j * k j) A I). f_equal.
  - rewrite <- sum_scale. apply sum_ext. intros i Hi.
    destruct (rotate_plane planes (fun _ => 1) (fun i => (m - n) * theta i) q i A Hi) as [-> ->].
    ring.
  - apply sum_ext. intros j _. destruct (outside planes j) eqn:O; [|reflexivity].
    now rewrite rotate_outside.
Qed.

(** ** Group law, inverse, isometry, adjoint. *)

(** Two heads that agree everywhere; equality of functions is not needed. *)
Definition same (x y : vector) : Prop := forall j, x j = y j.

Lemma same_by_planes planes x y :
  (forall i, (i < planes)%nat -> x (re i) = y (re i) /\ x (im i) = y (im i)) ->
  (forall j, outside planes j = true -> x j = y j) -> same x y.
Proof.
  intros P O j. destruct (outside planes j) eqn:E; [now apply O|]. clear O.
  induction planes as [|n IH]; simpl in E; [discriminate|].
  destruct (outside n j) eqn:E1.
  - destruct (P n ltac:(lia)) as [A B]. simpl in E.
    destruct (Nat.eqb_spec j (re n)) as [->|_]; [exact A|].
    destruct (Nat.eqb_spec j (im n)) as [->|_]; [exact B|discriminate].
  - apply IH; [intros i Hi; apply P; lia|reflexivity].
Qed.

Theorem composition planes s t a b x :
  apart planes ->
  same (rotate planes s a (rotate planes t b x))
       (rotate planes (fun i => s i * t i) (fun i => a i + b i) x).
Proof.
  intros A. apply (same_by_planes planes).
  - intros i Hi.
    destruct (rotate_plane planes s a (rotate planes t b x) i A Hi) as [-> ->].
    destruct (rotate_plane planes t b x i A Hi) as [-> ->].
    destruct (rotate_plane planes (fun i => s i * t i) (fun i => a i + b i) x i A Hi) as [-> ->].
    rewrite cos_plus, sin_plus. split; ring.
  - intros j Hj. now rewrite !rotate_outside.
Qed.

Theorem identity planes theta x :
  apart planes -> same (rotate planes one (fun i => 0 * theta i) x) x.
Proof.
  intros A. apply (same_by_planes planes).
  - intros i Hi.
    destruct (rotate_plane planes one (fun i => 0 * theta i) x i A Hi) as [-> ->].
    rewrite Rmult_0_l, cos_0, sin_0. unfold one. split; ring.
  - intros j Hj. now rewrite rotate_outside.
Qed.

Theorem group_law planes theta x m n :
  apart planes ->
  same (rotate planes one (fun i => m * theta i) (rotate planes one (fun i => n * theta i) x))
       (rotate planes one (fun i => (m + n) * theta i) x).
Proof.
  intros A. apply (same_by_planes planes).
  - intros i Hi.
    destruct (rotate_plane planes one (fun i => m * theta i)
                (rotate planes one (fun i => n * theta i) x) i A Hi) as [-> ->].
    destruct (rotate_plane planes one (fun i => n * theta i) x i A Hi) as [-> ->].
    destruct (rotate_plane planes one (fun i => (m + n) * theta i) x i A Hi) as [-> ->].
    replace ((m + n) * theta i) with (m * theta i + n * theta i) by ring.
    rewrite cos_plus, sin_plus. unfold one. split; ring.
  - intros j Hj. now rewrite !rotate_outside.
Qed.

Theorem inverse planes theta x m :
  apart planes ->
  same (rotate planes one (fun i => - m * theta i) (rotate planes one (fun i => m * theta i) x)) x.
Proof.
  intros A j. rewrite (group_law planes theta x (- m) m A j).
  rewrite Rplus_opp_l. now apply identity.
Qed.

(** The norm of every plane is kept, and so is that of the head. *)
Theorem plane_norm planes a x i :
  apart planes -> (i < planes)%nat ->
  Rsqr (rotate planes one a x (re i)) + Rsqr (rotate planes one a x (im i))
  = Rsqr (x (re i)) + Rsqr (x (im i)).
Proof.
  intros A Hi. destruct (rotate_plane planes one a x i A Hi) as [-> ->].
  unfold one, Rsqr. assert (H := sin2_cos2 (a i)). unfold Rsqr in H.
  transitivity ((x (re i) * x (re i) + x (im i) * x (im i))
                * (sin (a i) * sin (a i) + cos (a i) * cos (a i))); [ring|rewrite H; ring].
Qed.

Theorem isometry planes dim a x y :
  apart planes -> inside planes dim ->
  dot dim (rotate planes one a x) (rotate planes one a y) = dot dim x y.
Proof.
  intros A I. rewrite (score _ _ _ _ _ _ _ _ A I). unfold dot.
  rewrite (sum_by_planes planes dim (fun j => x j * y j) A I). f_equal. apply sum_ext. intros i _.
  rewrite Rminus_eq_0, cos_0, sin_0. unfold one. ring.
Qed.

(** The transpose, which is the backward pass, turns the other way with the *same* scale: with a
    scale other than 1 it is no inverse. *)
Theorem adjoint planes dim s a x y :
  apart planes -> inside planes dim ->
  dot dim (rotate planes s a x) y = dot dim x (rotate planes s (fun i => - a i) y).
Proof.
  intros A I. unfold dot.
  rewrite (sum_by_planes planes dim (fun j => rotate planes s a x j * y j) A I).
  rewrite (sum_by_planes planes dim (fun j => x j * rotate planes s (fun i => - a i) y j) A I).
  f_equal.
  - apply sum_ext. intros i Hi.
    destruct (rotate_plane planes s a x i A Hi) as [-> ->].
    destruct (rotate_plane planes s (fun i => - a i) y i A Hi) as [-> ->].
    rewrite cos_neg, sin_neg. ring.
  - apply sum_ext. intros j _. destruct (outside planes j) eqn:O; [|reflexivity].
    now rewrite !rotate_outside.
Qed.

End Planes.
