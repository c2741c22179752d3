(** T5's relative position buckets (src/encoding/t5.rs): what the program decides by integers is the
    published formula with its logarithms, for every distance there is, for the configurations in use. *)

From Coq Require Import Reals ZArith Lra Lia List.
From Flocq Require Import Core.
Open Scope R_scope.

(** ** The formula of mesh-tensorflow and Transformers, in real numbers. [per_direction] is N. *)
Definition paper_log_bucket (N M n : Z) : Z :=
  let E := (N / 2)%Z in
  Z.min (N - 1)
    (E + Zfloor (ln (IZR n / IZR E) / ln (IZR M / IZR E) * IZR (N - E))).

Definition paper_bucket (num_buckets M : Z) (bidirectional : bool) (relative : Z) : Z :=
  let N := if bidirectional then (num_buckets / 2)%Z else num_buckets in
  let offset := if bidirectional then (if (0 <? relative)%Z then N else 0%Z) else 0%Z in
  let n := if bidirectional then Z.abs relative else Z.max 0 (- relative) in
  if (n <? N / 2)%Z then (offset + n)%Z else (offset + paper_log_bucket N M n)%Z.

(** ** The program: the boundaries that distance n has reached. *)
Fixpoint reached (boundaries : list Z) (n : Z) : Z :=
  match boundaries with
  | nil => 0%Z
  | first :: rest => ((if (first <=? n)%Z then 1 else 0) + reached rest n)%Z
  end.

Definition code_bucket (boundaries : list Z) (num_buckets : Z) (bidirectional : bool)
    (relative : Z) : Z :=
  let N := if bidirectional then (num_buckets / 2)%Z else num_buckets in
  let offset := if bidirectional then (if (0 <? relative)%Z then N else 0%Z) else 0%Z in
  let n := if bidirectional then Z.abs relative else Z.max 0 (- relative) in
  if (n <? N / 2)%Z then (offset + n)%Z else (offset + (N / 2 + reached boundaries n))%Z.

(** ** The comparison of logarithms is one of integers. *)
Lemma ln_pow_nat x k : 0 < x -> ln (x ^ k) = INR k * ln x.
Proof.
  intros X. induction k as [|k IH]; [simpl; rewrite ln_1; ring|].
  rewrite <- tech_pow_Rmult, ln_mult, IH, S_INR by (try apply pow_lt; exact X). ring.
Qed.

Lemma log_is_integer (E M n : Z) (S k : nat) :
  (0 < E)%Z -> (E < M)%Z -> (E <= n)%Z ->
  INR k <= ln (IZR n / IZR E) / ln (IZR M / IZR E) * INR S
  <-> (M ^ Z.of_nat k * E ^ Z.of_nat S <= n ^ Z.of_nat S * E ^ Z.of_nat k)%Z.
Proof.
  intros HE HM Hn.
  assert (e0 : 0 < IZR E) by (apply IZR_lt; lia). assert (n0 : 0 < IZR n) by (apply IZR_lt; lia).
  assert (m0 : 0 < IZR M) by (apply IZR_lt; lia).
  assert (me : 1 < IZR M / IZR E).
  { apply Rmult_lt_reg_r with (IZR E); [exact e0|]. unfold Rdiv.
    rewrite Rmult_assoc, Rinv_l, Rmult_1_l, Rmult_1_r by lra. apply IZR_lt. lia. }
  assert (l0 : 0 < ln (IZR M / IZR E)) by (rewrite <- ln_1; apply ln_increasing; lra).
  assert (x0 : 0 < IZR n / IZR E) by (apply Rdiv_lt_0_compat; assumption).
  assert (y0 : 0 < IZR M / IZR E) by lra.
  assert (pn : 0 < (IZR n / IZR E) ^ S) by (apply pow_lt, x0).
  assert (pm : 0 < (IZR M / IZR E) ^ k) by (apply pow_lt, y0).
  assert (Q : forall x i, 0 < x -> (x / IZR E) ^ i = x ^ i / IZR E ^ i).
  { intros x i X. unfold Rdiv. rewrite Rpow_mult_distr, pow_inv. reflexivity. }
  assert (P : forall z i, IZR (z ^ Z.of_nat i) = IZR z ^ i)
    by (intros; symmetry; apply pow_IZR).
  transitivity ((IZR M / IZR E) ^ k <= (IZR n / IZR E) ^ S).
  - transitivity (INR k * ln (IZR M / IZR E) <= INR S * ln (IZR n / IZR E)).
    + replace (ln (IZR n / IZR E) / ln (IZR M / IZR E) * INR S)
        with (INR S * ln (IZR n / IZR E) * / ln (IZR M / IZR E)) by (unfold Rdiv; ring).
      split; intros H.
      * apply Rmult_le_compat_r with (r := ln (IZR M / IZR E)) in H; [|lra].
        rewrite Rmult_assoc, Rinv_l, Rmult_1_r in H by lra. exact H.
      * apply Rmult_le_reg_r with (ln (IZR M / IZR E)); [exact l0|].
        rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. exact H.
    + rewrite <- !ln_pow_nat by assumption. split; intros H.
      * apply Rnot_lt_le. intros C. apply ln_increasing in C; [lra|exact pn].
      * destruct H as [H|H]; [|rewrite H; lra]. apply Rlt_le, ln_increasing; assumption.
  - rewrite !Q by assumption.
    assert (ek : 0 < IZR E ^ k) by (apply pow_lt, e0). assert (es : 0 < IZR E ^ S) by (apply pow_lt, e0).
    split; intros H.
    + apply le_IZR. rewrite !mult_IZR, !P.
      apply Rmult_le_compat_r with (r := IZR E ^ k * IZR E ^ S) in H; [|nra].
      unfold Rdiv in H.
      replace (IZR M ^ k * / IZR E ^ k * (IZR E ^ k * IZR E ^ S)) with (IZR M ^ k * IZR E ^ S) in H
        by (field; lra).
      replace (IZR n ^ S * / IZR E ^ S * (IZR E ^ k * IZR E ^ S)) with (IZR n ^ S * IZR E ^ k) in H
        by (field; lra). exact H.
    + apply IZR_le in H. rewrite !mult_IZR, !P in H.
      apply Rmult_le_reg_r with (IZR E ^ k * IZR E ^ S); [nra|]. unfold Rdiv.
      replace (IZR M ^ k * / IZR E ^ k * (IZR E ^ k * IZR E ^ S)) with (IZR M ^ k * IZR E ^ S)
        by (field; lra).
      replace (IZR n ^ S * / IZR E ^ S * (IZR E ^ k * IZR E ^ S)) with (IZR n ^ S * IZR E ^ k)
        by (field; lra). exact H.
Qed.

(** ** A list of boundaries is right if each is the first distance that satisfies its inequality: two
    comparisons of integers per boundary, and they settle every distance. *)
Fixpoint boundaries_right (E M : Z) (S k : nat) (boundaries : list Z) : bool :=
  match boundaries with
  | nil => true
  | b :: rest =>
      ((E <=? b) && (M ^ Z.of_nat k * E ^ Z.of_nat S <=? b ^ Z.of_nat S * E ^ Z.of_nat k)
       && ((b - 1) ^ Z.of_nat S * E ^ Z.of_nat k <? M ^ Z.of_nat k * E ^ Z.of_nat S)
       && boundaries_right E M S (k + 1) rest)%Z%bool
  end.

Lemma reached_right E M S n x :
  (0 < E)%Z -> (E < M)%Z -> (E <= n)%Z ->
  x = ln (IZR n / IZR E) / ln (IZR M / IZR E) * INR S ->
  forall boundaries k, boundaries_right E M S k boundaries = true ->
  (Z.of_nat k <= Zfloor x + 1)%Z ->
  reached boundaries n
  = Z.min (Z.of_nat (length boundaries)) (Zfloor x + 1 - Z.of_nat k).
Proof.
  intros HE HM Hn X boundaries. induction boundaries as [|b rest IH]; intros k R K.
  - cbn [reached length]. lia.
  - cbn [boundaries_right] in R. apply andb_prop in R. destruct R as [R Rr].
    apply andb_prop in R. destruct R as [R R2]. apply andb_prop in R. destruct R as [R0 R1].
    apply Z.leb_le in R0, R1. apply Z.ltb_lt in R2.
    assert (Pe : (0 < E ^ Z.of_nat k)%Z) by (apply Z.pow_pos_nonneg; lia).
    assert (T : (b <= n)%Z <-> (Z.of_nat k <= Zfloor x)%Z).
    { transitivity (INR k <= x).
      - rewrite X, (log_is_integer E M n S k HE HM Hn). split; intros H.
        + apply Z.le_trans with (1 := R1). apply Z.mul_le_mono_nonneg_r; [lia|].
          apply Z.pow_le_mono_l. lia.
        + apply Z.nlt_ge. intros C.
          assert (n ^ Z.of_nat S <= (b - 1) ^ Z.of_nat S)%Z by (apply Z.pow_le_mono_l; lia).
          nia.
      - rewrite INR_IZR_INZ. split; intros H.
        + now apply Zfloor_lub.
        + apply Rle_trans with (IZR (Zfloor x)); [now apply IZR_le|apply Zfloor_lb]. }
    cbn [reached]. destruct (Z.leb_spec b n) as [L|G].
    + apply T in L. rewrite (IH (k + 1)%nat Rr) by lia. cbn [length]. lia.
    + assert (Q : (Zfloor x < Z.of_nat k)%Z) by (apply Z.nle_gt; intros C; apply T in C; lia).
      (* The boundaries that follow are further away still. *)
      assert (Z0 : forall l j, (k <= j)%nat -> boundaries_right E M S j l = true -> reached l n = 0%Z).
      { induction l as [|c l IHl]; intros j J Rj; [reflexivity|]. cbn [boundaries_right] in Rj.
        apply andb_prop in Rj. destruct Rj as [Rj Rl]. apply andb_prop in Rj. destruct Rj as [Rj _].
        apply andb_prop in Rj. destruct Rj as [Rc Rj]. apply Z.leb_le in Rc, Rj.
        cbn [reached]. rewrite (IHl (j + 1)%nat) by (first [exact Rl | lia]).
        destruct (Z.leb_spec c n) as [Lc|Gc]; [|reflexivity]. exfalso.
        assert (Pj : (0 < E ^ Z.of_nat j)%Z) by (apply Z.pow_pos_nonneg; lia).
        assert (C : INR j <= x).
        { rewrite X. apply (log_is_integer E M n S j HE HM Hn). apply Z.le_trans with (1 := Rj).
          apply Z.mul_le_mono_nonneg_r; [lia|]. apply Z.pow_le_mono_l. lia. }
        rewrite INR_IZR_INZ in C. apply Zfloor_lub in C. lia. }
      rewrite (Z0 rest (k + 1)%nat) by (first [exact Rr | lia]). cbn [length]. lia.
Qed.

Theorem buckets_right (num_buckets M : Z) (bidirectional : bool) (boundaries : list Z) :
  let N := if bidirectional then (num_buckets / 2)%Z else num_buckets in
  let E := (N / 2)%Z in
  (0 < E)%Z -> (E < M)%Z ->
  boundaries_right E M (Z.to_nat (N - E)) 1 boundaries = true ->
  Z.of_nat (length boundaries) = (N - E - 1)%Z ->
  forall relative, code_bucket boundaries num_buckets bidirectional relative
                   = paper_bucket num_buckets M bidirectional relative.
Proof.
  intros N E HE HM R L relative. unfold code_bucket, paper_bucket. cbv zeta. fold N. fold E.
  set (n := if bidirectional then Z.abs relative else Z.max 0 (- relative)).
  destruct (Z.ltb_spec n E) as [S|G]; [reflexivity|]. f_equal.
  unfold paper_log_bucket. cbv zeta. fold E.
  assert (NE : (0 <= N - E)%Z) by (unfold E; assert (N / 2 <= N)%Z by
    (apply Z.div_le_upper_bound; unfold E in HE; assert (0 <= N)%Z by
      (destruct (Z.le_gt_cases 0 N); [assumption|assert (N / 2 < 0)%Z by (apply Z.div_lt_upper_bound; lia); lia]); lia); lia).
  replace (IZR (N - E)) with (INR (Z.to_nat (N - E)))
    by (rewrite INR_IZR_INZ, Z2Nat.id by exact NE; reflexivity).
  set (x := ln (IZR n / IZR E) / ln (IZR M / IZR E) * INR (Z.to_nat (N - E))).
  assert (F : (0 <= Zfloor x)%Z).
  { apply Zfloor_lub. replace 0 with (INR 0) by reflexivity. unfold x.
    apply (log_is_integer E M n _ 0 HE HM G). change (Z.of_nat 0) with 0%Z.
    rewrite !Z.pow_0_r, Z.mul_1_l, Z.mul_1_r. apply Z.pow_le_mono_l. lia. }
  rewrite (reached_right E M _ n x HE HM G eq_refl boundaries 1 R) by lia. lia.
Qed.
