{{ greenhouse_v3.stage('scorecard_candidate_attributes') }}
