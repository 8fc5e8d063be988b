"""Every rule, one import and one line each; system rules come last because they report on the others."""

from validators.authorization import auth01_prior_authorization_number_missing as auth01
from validators.authorization import auth02_wiser_claim_without_utn as auth02
from validators.authorization import auth09_authorization_does_not_cover_code as auth09
from validators.authorization import auth11_service_outside_authorized_dates as auth11
from validators.authorization import auth13_authorization_not_in_force as auth13
from validators.claim import clm01_npi_check_digit_wrong as clm01
from validators.claim import clm02_diagnosis_pointer_to_missing_diagnosis as clm02
from validators.claim import clm03_charges_do_not_sum as clm03
from validators.claim import clm04_service_dates_reversed as clm04
from validators.claim import clm05_service_date_after_received_date as clm05
from validators.claim import clm06_replacement_without_original_reference as clm06
from validators.claim import clm07_duplicate_diagnosis as clm07
from validators.claim import clm08_more_than_twelve_diagnoses as clm08
from validators.claim import clm09_more_than_four_diagnosis_pointers as clm09
from validators.claim import clm10_more_than_four_modifiers as clm10
from validators.claim import clm11_units_not_positive as clm11
from validators.claim import clm12_state_code_invalid as clm12
from validators.claim import clm13_postal_code_malformed as clm13
from validators.claim import clm14_duplicate_line_number as clm14
from validators.claim import clm15_patient_born_after_service as clm15
from validators.claim import clm16_taxonomy_malformed as clm16
from validators.claim import clm17_timely_filing_limit_passed as clm17
from validators.claim import clm18_modifier_malformed as clm18
from validators.claim import clm19_modifier_repeated_on_line as clm19
from validators.claim import clm20_place_of_service_unknown as clm20
from validators.claim import clm21_patient_under_eighteen as clm21
from validators.code import code03_add_on_without_primary as code03
from validators.code import code04_add_on_with_primary_of_other_region as code04
from validators.code import code09_overlapping_interlaminar_codes as code09
from validators.code import code10_interlaminar_and_transforaminal_same_session as code10
from validators.code import code11_imaging_guidance_billed_separately as code11
from validators.code import code14_bilateral_modifier_on_interlaminar_code as code14
from validators.code import code26_duplicate_service_line as code26
from validators.guidance import guid01_guided_code_without_guidance as guid01
from validators.guidance import guid02_unguided_code_for_pain as guid02
from validators.guidance import guid03_ultrasound_guidance_not_covered as guid03
from validators.guidance import guid05_imaging_without_contrast as guid05
from validators.guidance import guid09_radiation_guidance_in_pregnancy as guid09
from validators.level import lvl01_more_than_two_transforaminal_levels as lvl01
from validators.level import lvl03_two_spinal_regions_same_day as lvl03
from validators.rule import Rule
from validators.site import sos01_implausible_place_of_service as sos01
from validators.site import sos02_drug_billed_by_professional_in_facility as sos02
from validators.site import sos03_catheter_infusion_outside_hospital as sos03
from validators.site import sos04_rendering_taxonomy_not_eligible as sos04
from validators.site import sos05_hospital_outpatient_where_site_policy as sos05
from validators.site import sos06_humana_authorization_is_outpatient_only as sos06
from validators.system import sys01_reference_data_or_state_missing as sys01
from validators.system import sys02_rule_could_not_be_evaluated as sys02

RULES: tuple[Rule, ...] = (
    code03.RULE,
    code04.RULE,
    code09.RULE,
    code10.RULE,
    code11.RULE,
    code14.RULE,
    code26.RULE,
    lvl01.RULE,
    lvl03.RULE,
    guid01.RULE,
    guid02.RULE,
    guid03.RULE,
    guid05.RULE,
    guid09.RULE,
    auth01.RULE,
    auth02.RULE,
    auth09.RULE,
    auth11.RULE,
    auth13.RULE,
    sos01.RULE,
    sos02.RULE,
    sos03.RULE,
    sos04.RULE,
    sos05.RULE,
    sos06.RULE,
    clm01.RULE,
    clm02.RULE,
    clm03.RULE,
    clm04.RULE,
    clm05.RULE,
    clm06.RULE,
    clm07.RULE,
    clm08.RULE,
    clm09.RULE,
    clm10.RULE,
    clm11.RULE,
    clm12.RULE,
    clm13.RULE,
    clm14.RULE,
    clm15.RULE,
    clm16.RULE,
    clm17.RULE,
    clm18.RULE,
    clm19.RULE,
    clm20.RULE,
    clm21.RULE,
    sys01.RULE,
    sys02.RULE,
)
