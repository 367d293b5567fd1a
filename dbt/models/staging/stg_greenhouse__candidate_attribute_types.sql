{{ greenhouse_v3.stage('candidate_attribute_types') }}
