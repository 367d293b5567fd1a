{{ greenhouse_v3.stage('scorecards') }}
