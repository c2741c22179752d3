(** The two layouts from their index formulas, whole and partial heads, and the permutation of query
    and key weights between them (src/encoding/rope.rs, src/encoding/permutation.rs). *)

From Coq Require Import Reals Lra Lia Arith Bool.
Require Import Sums Algebra.
Open Scope R_scope.

(** Pair i = (2i, 2i + 1) and pair i = (i, i + pairs), in a slice that begins at [offset]. *)
Definition interleaved_re (offset i : nat) : nat := (offset + 2 * i)%nat.
Definition interleaved_im (offset i : nat) : nat := (offset + 2 * i + 1)%nat.
Definition half_re (offset i : nat) : nat := (offset + i)%nat.
Definition half_im (pairs offset i : nat) : nat := (offset + i + pairs)%nat.

Lemma interleaved_apart offset pairs : apart (interleaved_re offset) (interleaved_im offset) pairs.
Proof. intros i j Hi Hj. unfold interleaved_re, interleaved_im. repeat split; lia. Qed.

Lemma half_apart offset pairs : apart (half_re offset) (half_im pairs offset) pairs.
Proof. intros i j Hi Hj. unfold half_re, half_im. repeat split; lia. Qed.

Lemma interleaved_inside offset pairs dim :
  (offset + 2 * pairs <= dim)%nat ->
  inside (interleaved_re offset) (interleaved_im offset) pairs dim.
Proof. intros H i Hi. unfold interleaved_re, interleaved_im. lia. Qed.

Lemma half_inside offset pairs dim :
  (offset + 2 * pairs <= dim)%nat -> inside (half_re offset) (half_im pairs offset) pairs dim.
Proof. intros H i Hi. unfold half_re, half_im. lia. Qed.

(** The coordinates that pass: before the slice and behind it, in both layouts. *)
Definition passes (offset pairs j : nat) : bool :=
  (Nat.ltb j offset || Nat.leb (offset + 2 * pairs) j)%bool.

Lemma interleaved_outside offset pairs j :
  outside (interleaved_re offset) (interleaved_im offset) pairs j = passes offset pairs j.
Proof.
  unfold passes. induction pairs as [|n IH]; cbn [outside].
  - rewrite Nat.mul_0_r, Nat.add_0_r. destruct (Nat.ltb_spec j offset), (Nat.leb_spec offset j);
      try reflexivity; lia.
  - rewrite IH. unfold interleaved_re, interleaved_im.
    destruct (Nat.ltb_spec j offset), (Nat.leb_spec (offset + 2 * n) j),
      (Nat.leb_spec (offset + 2 * S n) j), (Nat.eqb_spec j (offset + 2 * n)),
      (Nat.eqb_spec j (offset + 2 * n + 1)); try reflexivity; lia.
Qed.

Lemma half_outside offset pairs j :
  outside (half_re offset) (half_im pairs offset) pairs j = passes offset pairs j.
Proof.
  unfold passes. assert (K : forall n, (n <= pairs)%nat ->
    outside (half_re offset) (half_im pairs offset) n j
    = (Nat.ltb j offset || (Nat.leb (offset + n) j && Nat.ltb j (offset + pairs))
       || Nat.leb (offset + pairs + n) j)%bool).
  { induction n as [|n IH]; intros Hn; cbn [outside].
    - rewrite !Nat.add_0_r. destruct (Nat.ltb_spec j offset), (Nat.leb_spec offset j),
        (Nat.ltb_spec j (offset + pairs)), (Nat.leb_spec (offset + pairs) j);
        try reflexivity; lia.
    - rewrite IH by lia. unfold half_re, half_im.
      destruct (Nat.ltb_spec j offset), (Nat.leb_spec (offset + n) j),
        (Nat.ltb_spec j (offset + pairs)), (Nat.leb_spec (offset + pairs + n) j),
        (Nat.leb_spec (offset + S n) j), (Nat.leb_spec (offset + pairs + S n) j),
        (Nat.eqb_spec j (offset + n)), (Nat.eqb_spec j (offset + n + pairs));
        try reflexivity; lia. }
  rewrite K by lia.
  destruct (Nat.ltb_spec j offset), (Nat.leb_spec (offset + pairs) j),
    (Nat.ltb_spec j (offset + pairs)), (Nat.leb_spec (offset + pairs + pairs) j),
    (Nat.leb_spec (offset + 2 * pairs) j); try reflexivity; lia.
Qed.

(** Eq. 16 for the interleaved layout (GPT-J, RoFormer, Meta's Llama), r = 2 pairs ≤ dim. *)
Theorem interleaved_score offset pairs dim scale theta q k m n :
  (offset + 2 * pairs <= dim)%nat ->
  let re i := (offset + 2 * i)%nat in
  let im i := (offset + 2 * i + 1)%nat in
  dot dim (rotate re im pairs (fun _ => scale) (fun i => m * theta i) q)
          (rotate re im pairs (fun _ => scale) (fun i => n * theta i) k)
  = scale * scale * sum pairs (fun i =>
      (q (offset + 2 * i)%nat * k (offset + 2 * i)%nat
       + q (offset + 2 * i + 1)%nat * k (offset + 2 * i + 1)%nat) * cos ((m - n) * theta i)
      + (q (offset + 2 * i)%nat * k (offset + 2 * i + 1)%nat
       - q (offset + 2 * i + 1)%nat * k (offset + 2 * i)%nat) * sin ((m - n) * theta i))
    + sum dim (fun j => if passes offset pairs j then q j * k j else 0).
Proof.
  intros H re im.
  rewrite (relative_position re im pairs dim scale theta q k m n
    (interleaved_apart offset pairs) (interleaved_inside offset pairs dim H)).
  f_equal. apply sum_ext. intros j _.
  change re with (interleaved_re offset). change im with (interleaved_im offset).
  now rewrite interleaved_outside.
Qed.

(** Eq. 16 for the half layout (GPT-NeoX, Hugging Face's Llama): the partner is half the *rotated*
    slice away, not half the head. *)
Theorem half_score offset pairs dim scale theta q k m n :
  (offset + 2 * pairs <= dim)%nat ->
  let re i := (offset + i)%nat in
  let im i := (offset + i + pairs)%nat in
  dot dim (rotate re im pairs (fun _ => scale) (fun i => m * theta i) q)
          (rotate re im pairs (fun _ => scale) (fun i => n * theta i) k)
  = scale * scale * sum pairs (fun i =>
      (q (offset + i)%nat * k (offset + i)%nat
       + q (offset + i + pairs)%nat * k (offset + i + pairs)%nat) * cos ((m - n) * theta i)
      + (q (offset + i)%nat * k (offset + i + pairs)%nat
       - q (offset + i + pairs)%nat * k (offset + i)%nat) * sin ((m - n) * theta i))
    + sum dim (fun j => if passes offset pairs j then q j * k j else 0).
Proof.
  intros H re im.
  rewrite (relative_position re im pairs dim scale theta q k m n
    (half_apart offset pairs) (half_inside offset pairs dim H)).
  f_equal. apply sum_ext. intros j _.
  change re with (half_re offset). change im with (half_im pairs offset).
  now rewrite half_outside.
Qed.

(** ** Eq. 34: x ⊗ cos + rot(x) ⊗ sin, as GPT-J and Hugging Face write it. *)

(** rotate_every_two. *)
Definition every_two (x : vector) : vector :=
  fun j => if Nat.even j then - x (j + 1)%nat else x (j - 1)%nat.

Theorem interleaved_elementwise pairs a x j :
  (j < 2 * pairs)%nat ->
  rotate (interleaved_re 0) (interleaved_im 0) pairs one a x j
  = x j * cos (a (j / 2)%nat) + every_two x j * sin (a (j / 2)%nat).
Proof.
  intros H. assert (A := interleaved_apart 0 pairs). set (i := (j / 2)%nat).
  assert (Hi : (i < pairs)%nat) by (apply Nat.div_lt_upper_bound; lia).
  destruct (rotate_plane _ _ pairs one a x i A Hi) as [Hr Hm].
  unfold every_two. destruct (Nat.even j) eqn:E.
  - apply Nat.even_spec in E. destruct E as [t ->].
    assert (i = t) by (unfold i; rewrite Nat.mul_comm; apply Nat.div_mul; lia).
    replace (2 * t)%nat with (interleaved_re 0 i) at 1 by (unfold interleaved_re; lia).
    rewrite Hr. unfold interleaved_re, interleaved_im, one. rewrite !Nat.add_0_l, H0. ring.
  - assert (O : Nat.odd j = true) by (unfold Nat.odd; now rewrite E).
    apply Nat.odd_spec in O. destruct O as [t ->].
    assert (i = t).
    { unfold i. symmetry. apply (Nat.div_unique _ _ _ 1); lia. }
    replace (2 * t + 1)%nat with (interleaved_im 0 i) at 1 by (unfold interleaved_im; lia).
    rewrite Hm. unfold interleaved_re, interleaved_im, one. rewrite !Nat.add_0_l, H0.
    replace (2 * t + 1 - 1)%nat with (2 * t)%nat by lia. ring.
Qed.

(** rotate_half, for a slice of 2 pairs coordinates. *)
Definition rotate_half (pairs : nat) (x : vector) : vector :=
  fun j => if Nat.ltb j pairs then - x (j + pairs)%nat else x (j - pairs)%nat.

Theorem half_elementwise pairs a x j :
  (j < 2 * pairs)%nat ->
  rotate (half_re 0) (half_im pairs 0) pairs one a x j
  = x j * cos (a (j mod pairs)%nat) + rotate_half pairs x j * sin (a (j mod pairs)%nat).
Proof.
  intros H. assert (A := half_apart 0 pairs). unfold rotate_half.
  destruct (Nat.ltb_spec j pairs) as [L|L].
  - rewrite Nat.mod_small by lia.
    destruct (rotate_plane _ _ pairs one a x j A L) as [Hr _].
    unfold half_re, half_im, one in *. rewrite !Nat.add_0_l in Hr. rewrite Hr. ring.
  - replace (j mod pairs)%nat with (j - pairs)%nat
      by (apply (Nat.mod_unique _ _ 1); lia).
    assert (Hi : (j - pairs < pairs)%nat) by lia.
    destruct (rotate_plane _ _ pairs one a x (j - pairs) A Hi) as [_ Hm].
    unfold half_re, half_im, one in *. rewrite !Nat.add_0_l in Hm.
    replace (j - pairs + pairs)%nat with j in Hm by lia. rewrite Hm. ring.
Qed.
